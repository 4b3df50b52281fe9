package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

var docsPage = template.Must(template.New("docs").Parse(docsHTML))

// docsPolicy lets the page use its own style and nothing else, from anywhere.
var docsPolicy = func() string {
	sum := sha256.Sum256([]byte(docsCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

func (s *server) docsRoutes() {
	s.openapi = sync.OnceValue(func() []byte {
		doc, err := json.Marshal(s.api.OpenAPI())
		if err != nil { // types of ours only
			panic(err)
		}
		return doc
	})
	s.docs = sync.OnceValues(s.renderDocs)
	s.handle("GET /openapi.json", scopeNone, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = jsonType
		_, _ = w.Write(s.openapi())
	})
	s.handle("GET /docs", scopeNone, func(w http.ResponseWriter, r *http.Request) {
		page, err := s.docs()
		if err != nil {
			writeProblem(w, s.problemOf("docs", err))
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", docsPolicy)
		_, _ = w.Write(page)
	})
}

// describe puts a route that huma does not serve into the OpenAPI document.
func (s *server) describe(op *huma.Operation, request any, answers map[int]any, errors ...int) {
	if request != nil {
		op.RequestBody = &huma.RequestBody{Required: true,
			Content: map[string]*huma.MediaType{"application/json": {Schema: s.schemaOf(request)}}}
	}
	shapes := make(map[int][]any)
	for status, a := range answers {
		shapes[status] = []any{a}
	}
	for _, status := range errors {
		shapes[status] = []any{problem{}}
	}
	op.Responses = s.responses(shapes)
	if len(shapes) == 0 {
		op.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK)}
	}
	s.api.OpenAPI().AddOperation(op)
}

// parameters describes optional text parameters: name, description, name, description, …
func parameters(in string, pairs ...string) []*huma.Param {
	var out []*huma.Param
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &huma.Param{Name: pairs[i], In: in, Description: pairs[i+1], Schema: &huma.Schema{Type: huma.TypeString}})
	}
	return out
}

// docsOperation is one route as the page shows it.
type docsOperation struct {
	Method, Path, Summary, Description string
	Key                                bool
	Parameters                         []docsField
	Request                            string
	Answers                            []docsField
}

type docsField struct{ Name, Type, Text string }

func (s *server) renderDocs() ([]byte, error) {
	api := s.api.OpenAPI()
	var page bytes.Buffer
	err := docsPage.Execute(&page, map[string]any{
		"Title": api.Info.Title, "Version": api.Info.Version, "Description": api.Info.Description,
		"CSS": template.CSS(docsCSS), "Operations": s.docsOperations(), "Schemas": s.docsSchemas(),
	})
	if err != nil {
		return nil, fmt.Errorf("render docs: %w", err)
	}
	return page.Bytes(), nil
}

func (s *server) docsOperations() []docsOperation {
	var out []docsOperation
	for path, item := range s.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op != nil {
				out = append(out, docsOf(path, op))
			}
		}
	}
	slices.SortFunc(out, func(a, b docsOperation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return out
}

func docsOf(path string, op *huma.Operation) docsOperation {
	d := docsOperation{Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description, Key: len(op.Security) > 0}
	for _, p := range op.Parameters {
		d.Parameters = append(d.Parameters, docsField{p.Name, typeName(p.Schema), p.Description})
	}
	if op.RequestBody != nil {
		for _, media := range op.RequestBody.Content {
			d.Request = typeName(media.Schema)
		}
	}
	for status, r := range op.Responses {
		f := docsField{Name: status, Text: r.Description}
		for _, media := range r.Content {
			f.Type = typeName(media.Schema)
		}
		d.Answers = append(d.Answers, f)
	}
	slices.SortFunc(d.Answers, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
	return d
}

type docsSchema struct {
	Name   string
	Fields []docsField
}

func (s *server) docsSchemas() []docsSchema {
	var out []docsSchema
	for name, schema := range s.api.OpenAPI().Components.Schemas.Map() {
		d := docsSchema{Name: name}
		for field, sub := range schema.Properties {
			d.Fields = append(d.Fields, docsField{field, typeName(sub), sub.Description})
		}
		slices.SortFunc(d.Fields, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b docsSchema) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// typeName is a schema in a few words.
func typeName(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case len(s.OneOf) > 0:
		names := make([]string, len(s.OneOf))
		for i, one := range s.OneOf {
			names[i] = typeName(one)
		}
		return strings.Join(names, " | ")
	case s.Type == huma.TypeArray:
		return "[" + typeName(s.Items) + "]"
	case len(s.Enum) > 0:
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = fmt.Sprint(v)
		}
		return strings.Join(values, " | ")
	}
	return s.Type
}
