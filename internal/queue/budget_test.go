package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestBudgetTry(t *testing.T) {
	b := NewBudget(100)
	f := func(n int64, want bool, used int64) {
		t.Helper()
		if got := b.TryAcquire(n); got != want || b.Used() != used {
			t.Errorf("TryAcquire(%d) = %v with %d used, want %v with %d", n, got, b.Used(), want, used)
		}
	}
	f(60, true, 60)
	f(41, false, 60)
	f(40, true, 100)
	f(0, true, 100)
	b.Release(100)
	f(5000, true, 100)
	b.Release(5000)
	f(-1, true, 0)
}

func acquire(ctx context.Context, b *Budget, n int64) chan error {
	done := make(chan error, 1)
	go func() { done <- b.Acquire(ctx, n) }()
	synctest.Wait()
	return done
}

func TestBudgetWaits(t *testing.T) {
	t.Run("in order, a large one is not starved", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := NewBudget(100)
			b.TryAcquire(60)
			large := acquire(t.Context(), b, 500)
			small := acquire(t.Context(), b, 10)
			if len(small) != 0 {
				t.Fatal("a small one went past the large one that waits")
			}
			b.Release(60)
			if err := <-large; err != nil || b.Used() != 100 {
				t.Fatalf("error %v, %d used", err, b.Used())
			}
			b.Release(500)
			if err := <-small; err != nil || b.Used() != 10 {
				t.Errorf("error %v, %d used", err, b.Used())
			}
		})
	})
	t.Run("who gives up lets the next go", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := NewBudget(100)
			b.TryAcquire(60)
			ctx, cancel := context.WithCancel(t.Context())
			large := acquire(ctx, b, 100)
			small := acquire(t.Context(), b, 10)
			cancel()
			if err := <-large; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if err := <-small; err != nil || b.Used() != 70 {
				t.Errorf("error %v, %d used", err, b.Used())
			}
		})
	})
	t.Run("receiving passes by a quarter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := NewBudget(100)
			b.TryAcquire(20)
			large := acquire(t.Context(), b, 90)
			passed := 0
			for b.TryAcquire(5) {
				passed += 5
				b.Release(5)
			}
			if passed != 25 {
				t.Errorf("%d bytes passed the one that waits", passed)
			}
			b.Release(20)
			if err := <-large; err != nil {
				t.Fatal(err)
			}
			if !b.TryAcquire(10) {
				t.Error("what is free after the grant cannot be taken")
			}
		})
	})
}

// Random callers never hold more than the budget, and all come through.
func TestBudgetHolds(t *testing.T) {
	const size = 1000
	b := NewBudget(size)
	var held atomic.Int64
	var callers sync.WaitGroup
	for c := range uint64(16) {
		callers.Go(func() {
			r := rand.New(rand.NewPCG(1, c))
			for range 2000 {
				n := r.Int64N(size)
				if r.IntN(2) == 0 {
					if !b.TryAcquire(n) {
						continue
					}
				} else if err := b.Acquire(t.Context(), n); err != nil {
					t.Error(err)
				}
				if held.Add(n) > size {
					t.Error("more is held than there is")
				}
				held.Add(-n)
				b.Release(n)
			}
		})
	}
	callers.Wait()
	if b.Used() != 0 || b.first != nil || b.last != nil {
		t.Errorf("%d bytes used at the end", b.Used())
	}
}
