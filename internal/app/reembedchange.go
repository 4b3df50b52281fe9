package app

import "pulse/internal/client"

// ReembedChange is what flags and variables say of how pages are to be cut and embedded.
func (c *Config) ReembedChange() client.ReembedChange {
	given := func(flag string, v *string) *string {
		if c.Given(flag) {
			return v
		}
		return nil
	}
	change := client.ReembedChange{
		Embedder: given("embedder", &c.Embedder), Tokenizer: given("tokenizer", &c.Tokenizer), QueryPrefix: given("query-prefix", &c.QueryPrefix), DocumentPrefix: given("document-prefix", &c.DocumentPrefix),
	}
	if c.Given("max-chunk-tokens") {
		change.MaxChunkTokens = &c.MaxChunkTokens
	}
	if c.Given("chunk-overlap-tokens") {
		change.ChunkOverlapTokens = &c.ChunkOverlapTokens
	}
	return change
}
