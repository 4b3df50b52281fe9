package embed

// item is one text that waits for its vector.
type item struct {
	text   string // without the model's prefix
	query  bool
	tokens int
	call   *call
	at     int // its place in the call
	lane   Lane
	broken int // requests with it that broke: see attempt.doubt
	alone  int // of them those that held nothing else
}

// whole is what is sent: which prefix stands before the text depends on the model, which
// may not be known yet while it waits.
func (it *item) whole(m Model) string {
	if it.query {
		return m.QueryPrefix + it.text
	}
	return m.DocumentPrefix + it.text
}

// turn is what waits of one crawl or host, in order.
type turn struct {
	name  string
	items []*item
	head  int
}

func (t *turn) len() int { return len(t.items) - t.head }

func (t *turn) pop() *item {
	it := t.items[t.head]
	t.items[t.head] = nil
	if t.head++; t.head >= 64 && 2*t.head >= len(t.items) {
		n := copy(t.items, t.items[t.head:])
		clear(t.items[n:])
		t.items, t.head = t.items[:n], 0
	}
	return it
}

// lane is the turns of one lane; each gives one text, then the next one does.
type lane struct {
	turns  map[string]*turn
	ring   []*turn // those with items; the first gives next
	back   []*item // came back from an endpoint, or were looked at and left: before all others
	texts  int
	tokens int
}

func (l *lane) push(name string, it *item) {
	t := l.turns[name]
	if t == nil {
		if l.turns == nil {
			l.turns = map[string]*turn{}
		}
		t = &turn{name: name}
		l.turns[name] = t
	}
	if t.len() == 0 {
		l.ring = append(l.ring, t)
	}
	t.items = append(t.items, it)
	l.count(it, 1)
}

// pushBack puts texts before all others, in their order.
func (l *lane) pushBack(items []*item) {
	l.back = append(append(make([]*item, 0, len(items)+len(l.back)), items...), l.back...)
	for _, it := range items {
		l.count(it, 1)
	}
}

func (l *lane) count(it *item, n int) {
	l.texts += n
	l.tokens += n * it.tokens
}

// pop takes the next text of a caller that still waits; nil when there is none.
func (l *lane) pop() *item {
	for {
		it := l.popAny()
		if it == nil || !it.call.over() {
			return it
		}
	}
}

func (l *lane) popAny() (it *item) {
	switch {
	case len(l.back) > 0:
		it, l.back = l.back[0], l.back[1:]
	case len(l.ring) > 0:
		t := l.ring[0]
		it = t.pop()
		l.ring = l.ring[1:]
		if t.len() > 0 {
			l.ring = append(l.ring, t)
		} else {
			delete(l.turns, t.name)
		}
	default:
		return nil
	}
	l.count(it, -1)
	return it
}

// drain takes out everything.
func (l *lane) drain() (all []*item) {
	for it := l.popAny(); it != nil; it = l.popAny() {
		all = append(all, it)
	}
	return all
}

// forget takes out the texts of a call that is over.
func (l *lane) forget(c *call) {
	left := func(items []*item) []*item {
		kept := items[:0]
		for _, it := range items {
			if it.call == c {
				l.count(it, -1)
			} else {
				kept = append(kept, it)
			}
		}
		clear(items[len(kept):])
		return kept
	}
	l.back = left(l.back)
	t := l.turns[c.turn]
	if t == nil {
		return
	}
	t.items, t.head = left(t.items[t.head:]), 0
	if t.len() > 0 {
		return
	}
	delete(l.turns, t.name)
	for i, r := range l.ring {
		if r == t {
			l.ring = append(l.ring[:i:i], l.ring[i+1:]...)
			return
		}
	}
}
