package rollout_test

import (
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// check looks at a plan before it is carried out.
func (w *walk) check(before rollout.Facts, plan rollout.Plan) {
	w.Helper()
	w.checkVerdict(before, plan)
	if share := before.Control.Candidate; share != nil && w.unsound(before, share.Version) && share.Version != before.Routed && w.gives(plan, before) == share.Version {
		w.fail("%s keeps its share although a pod of it failed", share.Version)
	}
	for _, i := range plan.Intents {
		switch i.Verb {
		case rollout.Publish:
			w.checkPublish(before, i)
		case rollout.Route:
			down := w.inPlace && readyOf(before, before.Routed) == 0
			if before.Routed != "" && i.Version != before.Routed && !down && readyOf(before, i.Version) < w.promised() {
				w.fail("route moves to %s with %d of %d pods ready", i.Version, readyOf(before, i.Version), before.Replicas)
			}
		case rollout.Retire:
			_, rejected := before.Rejected[i.Version]
			if i.Version == plan.Stable || (i.Version == before.Wanted && !rejected) || before.Endpoints[i.Version] > 0 {
				w.fail("%s is retired while it is in use", i.Version)
			}
		case rollout.Push:
			if i.Version != plan.Stable || i.Document.Generation != before.Control.Generation {
				w.fail("document %d is pushed to %s", i.Document.Generation, i.Version)
			}
		case rollout.Keep:
			paused := before.Command == rollout.Pause && before.Record != nil && before.Record.Version == i.Version
			if i.Version != plan.Stable && i.Version != before.Wanted && i.Version != before.Routed && !paused && i.Replicas > sizeOf(before, i.Version) {
				w.fail("%s is kept and neither stable nor wanted", i.Version)
			}
			replays := len(before.Steps) > 0 && before.Steps[0].Replay && before.Command != rollout.Promote && before.Verdict.Outcome != sequential.Promote
			if i.Version == plan.Candidate && replays && sizeOf(before, i.Version) == 0 && readyOf(before, before.Routed) > 0 {
				w.fail("%s is started before its replay is over", i.Version)
			}
		}
	}
}

// checkVerdict holds what the evidence, or a command, allows.
func (w *walk) checkVerdict(before rollout.Facts, plan rollout.Plan) {
	w.Helper()
	given := before.Control
	for _, i := range plan.Intents {
		if i.Verb == rollout.Publish {
			given = i.Document
		}
	}
	tried := ""
	if given.Candidate != nil && given.Candidate.Version != before.Routed {
		tried = given.Candidate.Version
	}
	obeyed := before.Command == rollout.Pause || before.Command == rollout.Promote
	if tried == before.Wanted && tried != "" && before.Failing.Kept && !obeyed {
		w.fail("%s keeps its share although it fails what is forwarded to it", tried)
	}
	if plan.Stable == before.Wanted && before.Routed != "" && plan.Stable != before.Routed && before.Failing.Why != "" && !obeyed && readyOf(before, before.Routed) > 0 {
		w.fail("%s takes over although it fails what is forwarded to it", plan.Stable)
	}
	// In place a share goes back with the pods.
	falls := before.InPlace && before.Control.Candidate != nil && given.Candidate != nil && given.Candidate.Weight <= before.Control.Candidate.Weight
	if _, rejected := before.Rejected[tried]; rejected && before.Command != rollout.Pause && !falls {
		w.fail("%s has a share although it was rejected", tried)
	}
	judged := len(before.Steps) > 0 && (before.Steps[0].Shadow > 0 || before.Steps[0].Replay)
	if tried != before.Wanted || tried == "" || !judged || before.Command == rollout.Promote || before.Command == rollout.Pause {
		return
	}
	if before.Verdict.Outcome == sequential.Reject && !falls {
		w.fail("%s keeps its share although the verdict is against it", tried)
	}
	had := before.Control.Candidate != nil && before.Control.Candidate.Version == tried
	if !had && before.Verdict.Outcome != sequential.Promote {
		w.fail("%s gets its first share without a verdict for it", tried)
	}
}

func (w *walk) checkPublish(before rollout.Facts, i rollout.Intent) {
	w.Helper()
	if i.Document.Generation <= before.Control.Generation {
		w.fail("generation goes from %d to %d", before.Control.Generation, i.Document.Generation)
	}
	for _, s := range before.Sets {
		for _, p := range s.Pods {
			if p.Reported && p.Generation >= i.Document.Generation {
				w.fail("generation %d is behind what %s reports", i.Document.Generation, p.Name)
			}
		}
	}
	share := i.Document.Candidate
	if share == nil || (before.Control.Candidate != nil && *before.Control.Candidate == *share) {
		return
	}
	had := before.Control.Candidate
	falls := before.InPlace && had != nil && had.Version == share.Version && share.Weight < had.Weight
	ready := readyOf(before, share.Version)
	enough := ready >= before.Replicas
	if w.promised() < before.Replicas {
		enough = ready >= w.promised() || int32(share.Weight)*before.Replicas <= 100*ready
	}
	if !falls && (!enough || w.unsound(before, share.Version)) {
		w.fail("%s gets %d%% and is not ready", share.Version, share.Weight)
	}
	for _, s := range before.Sets {
		if !falls && s.Version != before.Routed && s.Version != share.Version && s.Deployed {
			w.fail("%s gets a share while %s is there too", share.Version, s.Version)
		}
	}
}

func (w *walk) gives(plan rollout.Plan, before rollout.Facts) string {
	share := before.Control.Candidate
	for _, i := range plan.Intents {
		if i.Verb == rollout.Publish {
			share = i.Document.Candidate
		}
	}
	if share == nil {
		return ""
	}
	return share.Version
}

func (w *walk) unsound(f rollout.Facts, version string) bool {
	for _, s := range f.Sets {
		if s.Version != version {
			continue
		}
		for _, p := range s.Pods {
			if p.State == fleet.PodBroken {
				return true
			}
		}
		return !s.Deployed || s.Ready() == 0
	}
	return true
}

func sizeOf(f rollout.Facts, version string) int32 {
	for _, s := range f.Sets {
		if s.Version == version && s.Deployed {
			return s.Replicas
		}
	}
	return 0
}

func readyOf(f rollout.Facts, version string) int32 {
	for _, s := range f.Sets {
		if s.Version == version {
			return s.Ready()
		}
	}
	return 0
}
