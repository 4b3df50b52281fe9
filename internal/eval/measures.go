package eval

import "math"

// scoreOne measures one answer by the definitions of trec_eval: ndcg_cut_10 (gain =
// grade, discount = log2 of rank + 1; Järvelin and Kekäläinen, 2002), recall_100, and
// recip_rank of the first ten.
func scoreOne(grades map[string]int, found []Ranked) Scores {
	relevant := best(grades)
	if len(relevant) == 0 {
		return Scores{}
	}
	var s Scores
	gain, ideal, hits := 0.0, 0.0, 0
	for i, g := range relevant[:min(10, len(relevant))] {
		ideal += discounted(g, i)
	}
	for i, r := range found[:min(100, len(found))] {
		g := grades[r.Document]
		if g < 1 {
			continue
		}
		hits++
		if i < 10 {
			gain += discounted(g, i)
			if s.MRR10 == 0 {
				s.MRR10 = 1 / float64(i+1)
			}
		}
	}
	s.NDCG10, s.Recall100 = gain/ideal, float64(hits)/float64(len(relevant))
	return s
}

// discounted is the gain of a grade at an index from 0.
func discounted(grade, i int) float64 { return float64(grade) / math.Log2(float64(i)+2) }
