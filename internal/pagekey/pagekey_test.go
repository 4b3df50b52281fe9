package pagekey

import (
	"strings"
	"testing"
)

func TestNormalise(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		got, err := Normalise(raw)
		if err != nil {
			t.Fatalf("Normalise(%q): %v", raw, err)
		}
		if got != want {
			t.Fatalf("Normalise(%q) = %q, want %q", raw, got, want)
		}
	}
	// scheme, host, port
	f("http://example.com", "http://example.com/")
	f("HTTPS://Docs.Example.COM/A", "https://docs.example.com/A")
	f("  https://example.com/a\n", "https://example.com/a")
	f("http://example.com:80/", "http://example.com/")
	f("https://example.com:443/", "https://example.com/")
	f("https://example.com:/", "https://example.com/")
	f("https://example.com:08443/", "https://example.com:8443/")
	f("http://example.com:443/", "http://example.com:443/")
	f("https://example.com./", "https://example.com./")
	f("https://%65xample.com/", "https://example.com/")
	f("https://my_host.example.com/", "https://my_host.example.com/")
	f("http://192.168.0.1:8080/x", "http://192.168.0.1:8080/x")
	f("http://[2001:DB8:0::1]:80/x", "http://[2001:db8::1]/x")

	// internationalised names
	f("https://Bücher.example/", "https://xn--bcher-kva.example/")
	f("https://bu\u0308cher.example/", "https://xn--bcher-kva.example/")
	f("https://XN--BCHER-KVA.example/", "https://xn--bcher-kva.example/")
	f("https://b%C3%BCcher.example/", "https://xn--bcher-kva.example/")
	f("https://日本語。jp/", "https://xn--wgv71a119e.jp/")
	f("https://ü_x.example/", "https://xn--_x-wka.example/")

	// percent-encoding
	f("https://a.example/%7euser/%41", "https://a.example/~user/A")
	f("https://a.example/%d0%bf", "https://a.example/%D0%BF")
	f("https://a.example/п", "https://a.example/%D0%BF")
	f("https://a.example/a b", "https://a.example/a%20b")
	f("https://a.example/a%2Fb", "https://a.example/a%2Fb")
	f("https://a.example/100%", "https://a.example/100%25")
	f("https://a.example/%%34%31", "https://a.example/%2541")
	f("https://a.example/[x]|\\", "https://a.example/%5Bx%5D%7C%5C")
	f("https://a.example/a;b=1:@c!$&'()*+,", "https://a.example/a;b=1:@c!$&'()*+,")
	f("https://a.example/\xff\x00", "https://a.example/%FF")

	// dot segments
	f("https://a.example/a/./b/../c", "https://a.example/a/c")
	f("https://a.example/../../x", "https://a.example/x")
	f("https://a.example/a/..", "https://a.example/")
	f("https://a.example/a/b/..", "https://a.example/a/")
	f("https://a.example/a/.", "https://a.example/a/")
	f("https://a.example/a/%2e%2E/b", "https://a.example/b")
	f("https://a.example/a//../b", "https://a.example/a/b")
	f("https://a.example//", "https://a.example//")
	f("https://a.example/...", "https://a.example/...")
	f("https://a.example/a/index.html", "https://a.example/a/index.html")

	// fragment and query
	f("https://a.example/#top", "https://a.example/")
	f("https://a.example#top?x", "https://a.example/")
	f("https://a.example?b=2&a=1", "https://a.example/?b=2&a=1")
	f("https://a.example/?", "https://a.example/?")
	f("https://a.example/?a=../b", "https://a.example/?a=../b")
	f("https://a.example/?a&&b=+%20", "https://a.example/?a&&b=+%20")
	f("https://a.example/?a%5B%5D=%31", "https://a.example/?a%5B%5D=1")
	f("https://a.example/?q=a?b/c", "https://a.example/?q=a?b/c")

	// tracking parameters
	f("https://a.example/?utm_source=x", "https://a.example/")
	f("https://a.example/?utm_source=x&a=1&UTM_Medium=y&b=2", "https://a.example/?a=1&b=2")
	f("https://a.example/?%75tm_source=x&a=1", "https://a.example/?a=1")
	f("https://a.example/?gclid=1&gclsrc=1&fbclid=1&msclkid=1&twclid=1&li_fat_id=1&mc_cid=1&mc_eid=1", "https://a.example/")
	f("https://a.example/?hsCtaTracking=1&_hsenc=1&_hsmi=1&_ga=1&_gac=1&_gl=1&_GL", "https://a.example/")
	f("https://a.example/?utm=1&_gax=1&gclid2=1", "https://a.example/?utm=1&_gax=1&gclid2=1")
	f("https://a.example/?a=1&utm_x", "https://a.example/?a=1")
}

func TestNormaliseRefuses(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		key, err := Normalise(raw)
		if err == nil {
			t.Fatalf("Normalise(%q) = %q, want an error", raw, key)
		}
		if !strings.Contains(err.Error(), want) {
			t.Fatalf("Normalise(%q): %v, want %q", raw, err, want)
		}
	}
	f("", "empty")
	f(" \n", "empty")
	f("ftp://example.com/", "http://")
	f("//example.com/", "http://")
	f("example.com", "http://")
	f("mailto:a@example.com", "http://")
	f("javascript:alert(1)//://", "http://")
	f("http:/example.com", "http://")
	f("http://", "no host")
	f("http:///path", "no host")
	f("http://?x", "no host")
	f("http://:80/", "no host")
	f("http://.../", "no host")
	f("http://user:secret@example.com/", "password")
	f("http://user@example.com/", "user name")
	f("http://example.com:99999/", "bad port")
	f("http://example.com:8a/", "bad port")
	f("http://example.com:00/", "port 0")
	f("http://exa mple.com/", "bad character ' '")
	f("http://exa%zzmple.com/", "bad escape")
	f("http://a%2Fb/", "bad character '/'")
	f("http://a\\b/", "bad character")
	f("http://[::1/", "bad address")
	f("http://[::1%25eth0]/", "bad address")
	f("http://[1.2.3.4]/", "bad address")
	f("http://\xff.example/", "not UTF-8")
	f("http://"+strings.Repeat("a", 256)+"/", "longer than 255")
	f("http://"+strings.Repeat("ü", 600)+"/", "longer than 255")
	f("http://a.example/"+strings.Repeat("a", MaxBytes), "longer than 4096")
	f("http://a.example/"+strings.Repeat(" x", MaxBytes/3), "longer than 4096")
}

func TestHost(t *testing.T) {
	f := func(key, want string) {
		t.Helper()
		if got := Host(key); got != want {
			t.Fatalf("Host(%q) = %q, want %q", key, got, want)
		}
	}
	f("https://docs.example.com/a", "docs.example.com")
	f("https://docs.example.com:8443/a:b", "docs.example.com")
	f("http://[2001:db8::1]:8080/x", "2001:db8::1")
	f("http://[2001:db8::1]/x", "2001:db8::1")
	f("nonsense", "")
	f("", "")
}

func TestInDomain(t *testing.T) {
	f := func(host, domain string, want bool) {
		t.Helper()
		if got := InDomain(host, domain); got != want {
			t.Fatalf("InDomain(%q, %q) = %v, want %v", host, domain, got, want)
		}
	}
	f("example.com", "example.com", true)
	f("docs.example.com", "example.com", true)
	f("docs.example.com", "EXAMPLE.com", true)
	f("docs.example.com", ".example.com", true)
	f("docs.example.com.", "example.com", true)
	f("xn--bcher-kva.example", "Bücher.example", true)
	f("a.xn--bcher-kva.example", "bücher.example.", true)
	f("badexample.com", "example.com", false)
	f("example.com", "docs.example.com", false)
	f("example.com.evil.net", "example.com", false)
	f("example.com", "", false)
	f("example.com", "com", true)
	f("1.2.3.4", "1.2.3.4", true)
	f("1.2.3.4", "3.4", false)
	f("2001:db8::1", "[2001:DB8::1]", true)
	f("example.com", "exa mple.com", false)
}

func TestNormaliseAllocatesLittle(t *testing.T) {
	const key = "https://docs.example.com/getting-started/install?version=2#top"
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := Normalise(key); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 1 {
		t.Fatalf("Normalise allocates %v times, want at most once", allocs)
	}
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{
		"https://Docs.Example.COM:443/a/../%7e?utm_source=1&b=%zz#f",
		"http://[2001:DB8::1]:80/", "http://bücher.example/ü", "http://a/%%34%31/..%2f",
		"http://ü_☃.x/?&&", "http://xn--/", "http://a/?utm_x&", "http://\u200d.x/", "http://ａ。b/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		key, err := Normalise(raw)
		if err != nil {
			return
		}
		again, err := Normalise(key)
		if err != nil {
			t.Fatalf("Normalise(%q) = %q, which is refused: %v", raw, key, err)
		}
		if again != key {
			t.Fatalf("Normalise(%q) = %q, then %q", raw, key, again)
		}
		if host := Host(key); host == "" || !InDomain(host, host) {
			t.Fatalf("key %q has host %q", key, host)
		}
		if len(key) > MaxBytes || !isASCII(key) {
			t.Fatalf("key %q is not bounded ASCII", key)
		}
	})
}

func BenchmarkNormalise(b *testing.B) {
	f := func(name, raw string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := Normalise(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("plain", "https://kubernetes.io/docs/concepts/workloads/pods/init-containers/")
	f("tracked", "HTTPS://Docs.Example.com:443/a/./b/../c%7e?id=3&utm_source=news&utm_medium=mail#top")
	f("idn", "https://bücher.example/großes/buch")
	f("dots", "http://a.example/"+strings.Repeat("a/../", 800))
}
