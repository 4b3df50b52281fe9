package embed

import "strings"

// Prefixes are what a model was trained to see before a query and before a document, by
// its name; none for a model that is not known. Source: the models' own cards.
func Prefixes(model string) (query, document string) {
	name := strings.ToLower(model)
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	const task = "Instruct: Given a web search query, retrieve relevant passages that answer the query\n"
	switch {
	case strings.HasPrefix(name, "qwen3-embedding"):
		return task + "Query:", ""
	case strings.Contains(name, "e5-") && strings.Contains(name, "instruct"):
		return task + "Query: ", ""
	case strings.HasPrefix(name, "e5-"), strings.HasPrefix(name, "multilingual-e5-"):
		return "query: ", "passage: "
	case strings.HasPrefix(name, "bge-") && strings.Contains(name, "-en"):
		return "Represent this sentence for searching relevant passages: ", ""
	case strings.HasPrefix(name, "nomic-embed-text"):
		return "search_query: ", "search_document: "
	}
	return "", ""
}
