package static

import "testing"

// TestWeight: English counts in full, what the vocabulary does not hold the words of
// not at all.
func TestWeight(t *testing.T) {
	e := smallModel(t, 64)
	f := func(least, most float64, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if got := e.Weight(text); got < least || got > most {
				t.Errorf("%q weighs %.2f (coverage %.2f), want %v to %v", text, got, e.Coverage(text), least, most)
			}
		}
	}
	f(1, 1, "how do I restart a pod", "café prices in Paris", "What is TLS 1.3?", "to be or not", "17 + 4",
		"The Panthers' defense gave up 308 points", "Network policies, services and volumes.")
	f(0.5, 1, "difference between ReplicaSets and StatefulSets", "effects of 5-HT1A on serotonin receptors")
	f(0, 0.2, "Wie viele Punkte gab die Verteidigung der Panthers ab?", "Welche Behörde überwacht die Einhaltung der Vorschriften?")
	f(0, 0, "", "ⵣⵣ", "黑豹队的防守丢了多少分？", "パンサーズの守備は何点取られましたか", "Сколько очков пропустила защита", "كم عدد النقاط التي تنازل عنها", "แนวรับเสียไปกี่คะแนน", "팬서스 수비는 몇 점을 내주었나")
}

// TestPageWeight: a page of English or code weighs, one of another language does not.
func TestPageWeight(t *testing.T) {
	e := smallModel(t, 64)
	f := func(least, most float64, text string) {
		t.Helper()
		if got := e.PageWeight(text); got < least || got > most {
			t.Errorf("%q weighs %.2f (coverage %.2f), want %v to %v", text, got, e.Coverage(text), least, most)
		}
	}
	f(1, 1, "A Pod is the smallest deployable unit of computing that you can create and manage in Kubernetes.")
	f(0.5, 1, "kubectl get pods --namespace default\nfunc newReader(source string) (*reader, error) { return open(source) }")
	f(0, 0.3, "Die Behörde überwacht die Einhaltung der Vorschriften und erteilt auf Antrag Ausnahmen für einzelne Betriebe.")
	f(0, 0, "Pod 是可以在 Kubernetes 中创建和管理的、最小的可部署的计算单元。")
	f(0, 0, "")
}

// TestWeightOfOtherModels is the share of known tokens.
func TestWeightOfOtherModels(t *testing.T) {
	e, err := Open("testdata/f32")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]float64{"pod zebra": 0.5, "pod node": 1, "zebra": 0, "": 0} {
		if got := e.Weight(text); got != want {
			t.Errorf("%q weighs %v, want %v", text, got, want)
		}
	}
}
