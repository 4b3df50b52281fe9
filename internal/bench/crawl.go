package bench

import "slices"

// CrawlMix says what a crawl brings beside its pages.
type CrawlMix struct {
	Repeats     int      // deliveries that are sent a second time
	Failed      []string // addresses that could not be scraped
	Unavailable []string // addresses whose origin answered 503
	Gone        []string // addresses whose origin answered 404
}

// Crawl makes the deliveries of one crawl in the order in which a sender that waits
// for nothing sends them: pages shuffled, some twice, the start among the first, and
// the end before the last pages.
func (s *Sender) Crawl(pages []Page, mix CrawlMix) []Delivery {
	var all []Delivery
	for _, p := range pages {
		all = append(all, s.Page(p))
	}
	for _, address := range mix.Failed {
		all = append(all, s.Failed(address))
	}
	for _, address := range mix.Unavailable {
		all = append(all, s.Unavailable(address))
	}
	for _, address := range mix.Gone {
		all = append(all, s.Gone(address))
	}
	s.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = s.repeat(all, mix.Repeats)
	started, completed := s.Started(), s.Completed()
	all = slices.Insert(all, min(len(all), s.rand.IntN(4)), started)
	return slices.Insert(all, len(all)-min(len(all), 2+s.rand.IntN(4)), completed)
}

// repeat sends n of the deliveries again, each somewhere behind its first time.
func (s *Sender) repeat(all []Delivery, n int) []Delivery {
	for range min(n, len(all)) {
		i := s.rand.IntN(len(all))
		again := all[i]
		again.Repeat = true
		all = slices.Insert(all, i+1+s.rand.IntN(len(all)-i), again)
	}
	return all
}
