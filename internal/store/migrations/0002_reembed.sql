-- What a layout's model made of the probe text, packed as one vector; NULL without a model.
ALTER TABLE layouts ADD COLUMN probe BLOB;
-- Of a layout being filled: the chunks that its embedder refused.
ALTER TABLE chunks ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
