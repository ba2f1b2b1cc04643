package scale

import (
	"math"
	"time"
)

// Facts is what one look at a deployment found.
type Facts struct {
	Now time.Time
	// Wanted is the present number of replicas in the Deployment's spec.
	Wanted int32
	// Pods of the deployment, without those that are being deleted.
	Pods []Pod
	// Others are pods that are not counted but do a part of the same work: those of a version that is tried on some of the requests.
	Others []Pod
}

// Pod is one serving pod.
type Pod struct {
	Name    string
	Created time.Time
	// ReadyAt is when it became ready; zero while it is not.
	ReadyAt time.Time
	// Reading is the newest that the pod ever gave, however old; nil when it gave none. Its age is judged here.
	Reading *Reading
}

// Reading is what a pod said about itself.
type Reading struct {
	// At is when it was said, by the clock of Facts.Now.
	At time.Time
	// Backlog in seconds of work: how long a request that came now would wait.
	Backlog float64
	// Arrivals in seconds of work per second over the last seconds, refused requests included.
	Arrivals float64
	// Busy is the part of the last seconds in which the pod worked.
	Busy float64
}

const (
	// staleAfter is the age at which a reading counts as missing. A pod may be silent for that long after it became ready.
	staleAfter = 20 * time.Second
	// skew is how far a reading may be ahead of us.
	skew = 2 * time.Second
)

// valid says whether the reading can be used at all.
func (r *Reading) valid(now time.Time) bool {
	if r == nil || r.At.After(now.Add(skew)) || now.Sub(r.At) > staleAfter {
		return false
	}
	for _, x := range []float64{r.Backlog, r.Arrivals, r.Busy} {
		if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
			return false
		}
	}
	return true
}

// sight is what the facts come to.
type sight struct {
	now    time.Time
	wanted int32
	// ready pods, and those of them that gave a reading.
	ready, reports int
	// silent are the ready pods that should have given one.
	silent []string
	// arrivals, backlog and work of all ready pods together, and of the others that do a part of their work. A silent pod counts like
	// the median of those beside it. work is what the pods do or are given at this very moment, whichever is more.
	arrivals, backlog, work float64
	// wait is how long a request waits by what the pods say, in the mean over them and as it is, not winsorised.
	wait time.Duration
	// startUp is how long a pod takes from its creation until it is ready, coming how long each of the starting ones still needs.
	startUp time.Duration
	coming  []time.Duration
}

func look(f Facts, s Settings) sight {
	seen := sight{now: f.Now, wanted: f.Wanted}
	ours := listen(f.Pods, f.Now, s)
	seen.ready, seen.reports = ours.ready, len(ours.arrivals)
	seen.wait = time.Duration(mean(ours.backlog) * float64(time.Second))
	seen.add(ours, s)
	seen.add(listen(f.Others, f.Now, s), s)
	seen.startUp = startUpOf(ours.startUps)
	for _, p := range f.Pods {
		if p.ReadyAt.IsZero() {
			seen.coming = append(seen.coming, remaining(f.Now.Sub(p.Created), seen.startUp))
		}
	}
	return seen
}

// claims are what the pods of one version say, one value for each that says something.
type claims struct {
	ready                             int
	silent                            []string
	arrivals, backlog, work, startUps []float64
}

func listen(all []Pod, now time.Time, s Settings) claims {
	var c claims
	for _, p := range all {
		if p.ReadyAt.IsZero() {
			continue
		}
		c.ready++
		c.startUps = append(c.startUps, p.ReadyAt.Sub(p.Created).Seconds())
		switch r := p.Reading; {
		case r.valid(now):
			arrived := min(r.Arrivals, s.MaxScaleUp)
			c.arrivals = append(c.arrivals, arrived)
			c.backlog = append(c.backlog, min(r.Backlog, s.MaxBacklog.Seconds()))
			c.work = append(c.work, max(min(r.Busy, 1), arrived))
		case now.Sub(p.ReadyAt) > staleAfter:
			c.silent = append(c.silent, p.Name)
		}
	}
	return c
}

// add adds what the pods of one version claim together.
func (seen *sight) add(c claims, s Settings) {
	seen.silent = append(seen.silent, c.silent...)
	seen.arrivals += total(c.arrivals, len(c.silent), 1)
	seen.backlog += total(c.backlog, len(c.silent), s.TargetBacklog.Seconds())
	seen.work += total(c.work, len(c.silent), 1)
}

// startUpOf is the lower median of the pods' own start-up times: a pod that lost its readiness for a while looks like a slow one.
func startUpOf(seconds []float64) time.Duration {
	const shortest, longest = 1, 600
	return time.Duration(clamp(lowerMedian(seconds), shortest, longest) * float64(time.Second))
}

// remaining is how long a starting pod still needs. One that takes more than twice the usual time is stuck: it counts for nothing
// within the time that a new one takes.
func remaining(age, startUp time.Duration) time.Duration {
	if age > 2*startUp {
		return startUp
	}
	return clamp(startUp-age, 0, startUp)
}
