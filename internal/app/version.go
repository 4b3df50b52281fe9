package app

import (
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -ldflags "-X pulse/internal/app.version=1.2.3".
var version string

// Version says what this binary is.
type Version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // the tree had changes that are not in Commit
	Built    string `json:"built,omitempty"`    // time of the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// BuildVersion reads what the build has left in the binary.
func BuildVersion() Version {
	v := Version{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if v.Version == "" && ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	if v.Version == "" {
		v.Version = "dev"
	}
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		case "vcs.time":
			v.Built = s.Value
		}
	}
	return v
}
