package predict_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale/predict"
)

var shape = predict.Shape{Height: 256, Width: 192, Batch: 1}

func learned(times int, took time.Duration) *predict.Predictor {
	p := predict.New(time.Second)
	for range times {
		p.Learn(shape, took)
	}
	return p
}

// near says whether two times differ by at most a part.
func near(got, want time.Duration, part float64) bool {
	return math.Abs(got.Seconds()/want.Seconds()-1) <= part
}

func TestThePriorGrowsWithThePixels(t *testing.T) {
	p := predict.New(2 * time.Second)
	for _, c := range []struct {
		shape predict.Shape
		want  time.Duration
	}{
		{predict.Shape{Height: 1000, Width: 1000, Batch: 1}, 2 * time.Second},
		{predict.Shape{Height: 500, Width: 1000, Batch: 4}, 4 * time.Second},
		{predict.Shape{}, time.Millisecond},
		{predict.Shape{Height: -5, Width: math.MinInt, Batch: -1}, time.Millisecond},
		{predict.Shape{Height: math.MaxInt, Width: math.MaxInt, Batch: math.MaxInt}, 10 * time.Minute},
	} {
		if got := p.Predict(c.shape); !near(got, c.want, 1e-6) {
			t.Errorf("%+v: got %v, want %v", c.shape, got, c.want)
		}
	}
}

func TestAPredictionIsWhatWasSeen(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	p := predict.New(time.Second)
	for range 500 {
		p.Learn(shape, time.Duration(float64(300*time.Millisecond)*math.Exp(0.2*random.NormFloat64())))
	}
	if got := p.Predict(shape); !near(got, 300*time.Millisecond, 0.15) {
		t.Errorf("got %v, want about 300ms", got)
	}
}

func TestAShapeThatWasNeverSeenIsPredictedFromTheNearestOne(t *testing.T) {
	p := learned(10, 100*time.Millisecond)
	for range 10 {
		p.Learn(predict.Shape{Height: 1024, Width: 768, Batch: 1}, 4*time.Second)
	}
	if got := p.Predict(predict.Shape{Height: 256, Width: 192, Batch: 2}); !near(got, 200*time.Millisecond, 0.01) {
		t.Errorf("two small ones: got %v, want twice the time of one", got)
	}
	if got := p.Predict(predict.Shape{Height: 1024, Width: 768, Batch: 2}); !near(got, 8*time.Second, 0.01) {
		t.Errorf("two large ones: got %v, want twice the time of one", got)
	}
	if got := p.Predict(predict.Shape{Height: 264, Width: 192, Batch: 1}); !near(got, 103*time.Millisecond, 0.01) {
		t.Errorf("a shape of the same class: got %v, want the time per pixel of the class", got)
	}
}

func TestBatchesHaveTheirOwnTimes(t *testing.T) {
	p := predict.New(time.Second)
	for batch := 1; batch <= 8; batch++ {
		for range 5 {
			p.Learn(predict.Shape{Height: 256, Width: 192, Batch: batch}, 50*time.Millisecond+time.Duration(batch)*10*time.Millisecond)
		}
	}
	for batch := 1; batch <= 8; batch++ {
		want := 50*time.Millisecond + time.Duration(batch)*10*time.Millisecond
		if got := p.Predict(predict.Shape{Height: 256, Width: 192, Batch: batch}); !near(got, want, 0.01) {
			t.Errorf("batch of %d: got %v, want %v", batch, got, want)
		}
	}
}

func TestAnOutlierMovesLittle(t *testing.T) {
	for name, outlier := range map[string]time.Duration{"slow": 5 * time.Minute, "fast": time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			p := learned(50, 300*time.Millisecond)
			p.Learn(shape, outlier)
			if got := p.Predict(shape); !near(got, 300*time.Millisecond, 0.05) {
				t.Errorf("after one outlier: %v", got)
			}
		})
	}
}

func TestASlowFirstRunIsForgottenSoon(t *testing.T) {
	p := predict.New(time.Second)
	p.Learn(shape, 30*time.Second)
	for range 30 {
		p.Learn(shape, 300*time.Millisecond)
	}
	if got := p.Predict(shape); !near(got, 300*time.Millisecond, 0.1) {
		t.Errorf("got %v, want about 300ms", got)
	}
}

func TestAChangeThatStaysIsLearned(t *testing.T) {
	for name, factor := range map[string]float64{"30% slower": 1.3, "five times": 5, "a hundred times": 100, "a tenth": 0.1} {
		t.Run(name, func(t *testing.T) {
			want := time.Duration(factor * float64(300*time.Millisecond))
			p := learned(200, 300*time.Millisecond)
			for range 50 {
				p.Learn(shape, want)
			}
			if got := p.Predict(shape); !near(got, want, 0.1) {
				t.Errorf("after 50 runs: %v, want about %v", got, want)
			}
		})
	}
}

func TestATimeThatNoRunCanTakeTeachesNothing(t *testing.T) {
	for _, took := range []time.Duration{0, -1, math.MinInt64, math.MaxInt64, 10*time.Minute + 1} {
		p := learned(5, 300*time.Millisecond)
		if p.Learn(shape, took) {
			t.Errorf("%v was learned", took)
		}
		if got := p.Predict(shape); !near(got, 300*time.Millisecond, 1e-6) {
			t.Errorf("after %v: %v", took, got)
		}
	}
}

func TestAnyHistoryGivesABoundedPredictionAndTheSameOneAgain(t *testing.T) {
	play := func() []time.Duration {
		random := rand.New(rand.NewPCG(7, 7))
		p := predict.New(time.Duration(random.Int64()) - math.MaxInt64/2)
		var all []time.Duration
		for range 20_000 {
			s := predict.Shape{Height: int(random.Int64()) >> random.IntN(64), Width: int(random.Int64()) >> random.IntN(64), Batch: int(random.Int64()) >> random.IntN(64)}
			p.Learn(s, time.Duration(random.Int64()>>random.IntN(64)))
			got := p.Predict(s)
			if got < time.Millisecond || got > 10*time.Minute {
				t.Fatalf("%+v: %v", s, got)
			}
			all = append(all, got)
		}
		return all
	}
	one, other := play(), play()
	for i := range one {
		if one[i] != other[i] {
			t.Fatalf("prediction %d was %v and then %v", i, one[i], other[i])
		}
	}
}

func TestManyShapesDoNotPushOutTheOneInUse(t *testing.T) {
	p := learned(20, 7*time.Second)
	for i := range 2000 {
		p.Learn(predict.Shape{Height: 1 << (i % 14), Width: 1 << (i / 14 % 14), Batch: 1 + i%7}, time.Millisecond)
		p.Learn(shape, 7*time.Second)
	}
	if got := p.Predict(shape); !near(got, 7*time.Second, 0.01) {
		t.Errorf("got %v, want 7s", got)
	}
	if allocations := testing.AllocsPerRun(100, func() { p.Learn(predict.Shape{Height: 3, Width: 5, Batch: 700}, time.Second); p.Predict(shape) }); allocations > 0 {
		t.Errorf("%v allocations per run: the buckets are not bounded", allocations)
	}
}

func TestRetryAfterIsRoundedUpAndBounded(t *testing.T) {
	for backlog, want := range map[time.Duration]int{
		math.MinInt64: 1, 0: 1, time.Millisecond: 1, time.Second: 1, time.Second + 1: 2, 4500 * time.Millisecond: 5, time.Hour: 120, math.MaxInt64: 120,
	} {
		if got := predict.RetryAfter(backlog); got != want {
			t.Errorf("%v: got %d, want %d", backlog, got, want)
		}
	}
}
