package scaletest

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale"
)

// Epoch is the time at which every world begins.
var Epoch = time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)

// Scaler decides how many replicas a world has.
type Scaler interface {
	Scale(scale.Facts) scale.Decision
}

// World says what happens to a deployment.
type World struct {
	Seed uint64
	// Length of the story.
	Length time.Duration
	// Load is the work that arrives, in pods, as a function of time.
	Load func(time.Duration) float64
	// Service is the mean time that a request takes; a single one varies by a fifth or so.
	Service time.Duration
	// StartUp is how long a pod takes from its creation until it is ready; a single one varies by a tenth.
	StartUp time.Duration
	// MaxWait is how long a pod lets a request wait before it refuses it.
	MaxWait time.Duration
	// Replicas at the beginning.
	Replicas int32
	// Tamper changes what a pod says on its way to the scaler; nil is the truth. Pods are numbered from 1.
	Tamper func(at time.Duration, serial int, said *scale.Reading) *scale.Reading
	// Events happen beside the load.
	Events []Event
}

// Event is something that happens at some time.
type Event struct {
	At   time.Duration
	What string
	// Do may change the scaler or the number of replicas; nil is only a remark in the story.
	Do func(*Run)
}

// Run is a world on its way, and afterwards what became of it.
type Run struct {
	World
	Scaler Scaler

	// Looks of the scaler, and Moments of the world every two seconds.
	Looks   []Look
	Moments []Moment
	// Waits of all requests in seconds; a refused one counts with MaxWait.
	Waits   []float64
	Refused int
	// ReplicaSeconds is what it cost: from the creation of every pod to the end of its last request.
	ReplicaSeconds float64
	// Wanted number of replicas.
	Wanted int32

	random *rand.Rand
	now    time.Duration
	pods   []*pod
	serial int
	next   int // event
}

// Look is one look of the scaler.
type Look struct {
	At time.Duration
	// Said is the work that arrives by what the pods say.
	Said float64
	// Was is the number of replicas before the decision, Wanted after it.
	Was, Wanted int32
	Decision    scale.Decision
	// Remark is what happened since the last look.
	Remark string
}

// Moment is how the world is at some time.
type Moment struct {
	At   time.Duration
	Load float64
	// Wait is how many seconds a request waits, in the mean over the ready pods.
	Wait          float64
	Wanted, Ready int32
}

const sampling = 2 * time.Second

// Play runs the world to its end.
func Play(w World, s Scaler) *Run {
	r := &Run{World: w, Scaler: s, Wanted: w.Replicas, random: rand.New(rand.NewPCG(w.Seed, 0))}
	r.fit()
	for _, p := range r.pods {
		p.ready = 0
	}
	look, moment, arrival := time.Duration(0), time.Duration(0), r.interval()
	for r.now < r.Length {
		r.now = min(arrival, look, moment)
		switch r.now {
		case look:
			look += r.look()
		case moment:
			r.sample()
			moment += sampling
		default:
			r.arrive()
			arrival += r.interval()
		}
	}
	for _, p := range r.pods {
		r.leave(p, r.Length)
	}
	return r
}

// interval until the next request: exponential, which makes the arrivals a Poisson process. Without load it is a second.
func (r *Run) interval() time.Duration {
	perSecond := r.Load(r.now) / r.Service.Seconds()
	if perSecond <= 0 {
		return time.Second
	}
	return max(seconds(r.random.ExpFloat64()/perSecond), time.Microsecond)
}

// seconds are rounded, so that the last bits of floating point, which differ between machines, do not tell in a story.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s*1e6)) * time.Microsecond
}

func (r *Run) arrive() {
	if r.Load(r.now) <= 0 {
		return
	}
	var open []*pod
	for _, p := range r.pods {
		if p.takes(r.now) {
			open = append(open, p)
		}
	}
	service := seconds(r.Service.Seconds() * math.Exp(0.2*r.random.NormFloat64()-0.02))
	if len(open) == 0 {
		r.refuse()
		return
	}
	wait, taken := open[r.random.IntN(len(open))].ask(r.now, service, r.MaxWait)
	if !taken {
		r.refuse()
		return
	}
	r.Waits = append(r.Waits, wait.Seconds())
}

func (r *Run) refuse() {
	r.Refused++
	r.Waits = append(r.Waits, r.MaxWait.Seconds())
}

// look lets the scaler decide, and gives the time until the next look: as asked for, or up to twice as long, because controllers are busy.
func (r *Run) look() time.Duration {
	remark := ""
	for ; r.next < len(r.Events) && r.Events[r.next].At <= r.now; r.next++ {
		e := r.Events[r.next]
		remark = e.What
		if e.Do != nil {
			e.Do(r)
		}
	}
	r.fit()
	facts := r.facts()
	was := r.Wanted
	decision := r.Scaler.Scale(facts)
	r.Wanted = decision.Replicas
	r.fit()
	r.note(facts, decision, was, remark)
	return seconds(decision.RecheckAfter.Seconds() * (1 + r.random.Float64()))
}

func (r *Run) note(f scale.Facts, d scale.Decision, was int32, remark string) {
	look := Look{At: r.now, Was: was, Wanted: r.Wanted, Decision: d, Remark: remark}
	for _, p := range f.Pods {
		if p.Reading != nil {
			look.Said += p.Reading.Arrivals
		}
	}
	r.Looks = append(r.Looks, look)
}

func (r *Run) sample() {
	now := Moment{At: r.now, Load: r.Load(r.now), Wanted: r.Wanted}
	for _, p := range r.pods {
		if p.takes(r.now) {
			now.Ready++
			now.Wait += max(p.free-r.now, 0).Seconds()
		}
	}
	now.Wait /= float64(max(now.Ready, 1))
	r.Moments = append(r.Moments, now)
}

func (r *Run) facts() scale.Facts {
	f := scale.Facts{Now: Epoch.Add(r.now), Wanted: r.Wanted}
	for _, p := range r.pods {
		if p.leaving {
			continue
		}
		said := scale.Pod{Name: p.name(), Created: Epoch.Add(p.created)}
		if r.now >= p.ready {
			said.ReadyAt = Epoch.Add(p.ready)
			said.Reading = p.reading(r.now, r.Service, Epoch)
		}
		if r.Tamper != nil && said.Reading != nil {
			said.Reading = r.Tamper(r.now, p.serial, said.Reading)
		}
		f.Pods = append(f.Pods, said)
	}
	return f
}
