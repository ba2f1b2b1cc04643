// Package train runs one training stage around any command: tryon-worker train -- <command>.
//
//	stage.json there? ── yes ──► Passed, skipped
//	      │ no
//	fetch dataset and parents ► restore checkpoint ► run the command ──► exit 0 ► publish output, then stage.json ► Passed
//	                                                   │  │  └ exit ≠ 0 or no start ────────────────────────────► Errored
//	                                                   │  └ loss not finite, metric out of bounds, no output ───► Failed
//	                                                   └ SIGTERM ► command saves ► newest checkpoint uploaded ──► Errored
//
// The command sees the trainer contract (TRYON_DATASET_DIR and its siblings) and knows nothing of the store. Whatever it
// writes is hostile: the progress file, the names of its checkpoints, its output. Only rank 0 of several nodes uploads, and the others
// restore what it has restored.
package train
