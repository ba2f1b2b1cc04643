package v1alpha1

// ConditionReady sums up every kind: True when the object does what its spec asks for. Its reason names the current stage
// and is the STAGE column of kubectl get.
const ConditionReady = "Ready"

// Conditions of a TryOnModel besides Ready.
const (
	// ConditionDatasetPinned: the dataset's content is known by digest.
	ConditionDatasetPinned = "DatasetPinned"
	// ConditionDataTestsPassed: no blocking data unit test failed on that content. Also a condition of TryOnDatasetVersion.
	ConditionDataTestsPassed = "DataTestsPassed"
	// ConditionVersionReady: a version of the current spec passed its gates and is published.
	ConditionVersionReady = "VersionReady"
)

// Conditions of a TryOnModelVersion besides Ready.
const (
	// ConditionTrainingCompleted: every stage left weights.
	ConditionTrainingCompleted = "TrainingCompleted"
	// ConditionEvaluationPassed: the scores of what will be served keep every gate.
	ConditionEvaluationPassed = "EvaluationPassed"
	// ConditionPublished: the servable weights are in the artefact store under their digest.
	ConditionPublished = "Published"
)

// Conditions of a TryOnDeployment besides Ready.
const (
	// ConditionModelResolved: the version to serve is known and published.
	ConditionModelResolved = "ModelResolved"
	// ConditionAvailable: at least one pod of the stable version takes requests.
	ConditionAvailable = "Available"
	// ConditionRolledOut: the version that the spec asks for is the stable one, on every replica. While a version is judged, and after
	// it was rejected, its message carries the verdict.
	ConditionRolledOut = "RolledOut"
	// ConditionCommanded: the annotation tryon.braincreators.com/rollout holds a command that is in force; absent without the annotation.
	ConditionCommanded = "Commanded"
	// ConditionScalingLimited: the work asks for more pods than scaling may give, or the pods do not say how much work they have; absent
	// without spec.scaling.
	ConditionScalingLimited = "ScalingLimited"
	// ConditionCatalogueReadable: the ready pods find garments in the catalogue; absent without spec.catalogue. Shoppers who bring the
	// garment's picture are served without it.
	ConditionCatalogueReadable = "CatalogueReadable"
	// ConditionJudgementReported: status.judgement.report names the report of the judgement that ended last; absent without one, and
	// when none could be made within a day.
	ConditionJudgementReported = "JudgementReported"
	// ConditionCapturing: answered try-ons are kept as spec.capture asks. False while they are not yet or cannot be, or while what was kept is
	// erased; absent when nothing is kept and nothing can be left.
	ConditionCapturing = "Capturing"
)

// Reasons of the conditions of every kind. The name of the current stage is the reason of Ready.
const (
	// ReasonReady: everything that the spec asks for is true.
	ReasonReady = "Ready"
	// ReasonPending: the work has not begun, because something before it is not done.
	ReasonPending = "Pending"
	// ReasonPinning: the pin Job reads the dataset and computes its digest.
	ReasonPinning = "Pinning"
	// ReasonPinned: the dataset's digest is known.
	ReasonPinned = "Pinned"
	// ReasonPinFailed: the dataset could not be read, or its digest is not the one asked for.
	ReasonPinFailed = "PinFailed"
	// ReasonDataTesting: the data unit tests run.
	ReasonDataTesting = "DataTesting"
	// ReasonDataTestsPassed: no blocking check failed.
	ReasonDataTestsPassed = "DataTestsPassed"
	// ReasonDataTestsFailed: a blocking check failed; the message names it, its count and the first offender. Or dataTests names no check.
	ReasonDataTestsFailed = "DataTestsFailed"
	// ReasonDataTestsErrored: the checks could not be run to their end; they are tried again.
	ReasonDataTestsErrored = "DataTestsErrored"
	// ReasonTraining: a stage trains.
	ReasonTraining = "Training"
	// ReasonTrained: every stage left weights.
	ReasonTrained = "Trained"
	// ReasonTrainingFailed: a stage ended without weights and is not tried again.
	ReasonTrainingFailed = "TrainingFailed"
	// ReasonUnschedulable: a pod finds no node; the message has the scheduler's words.
	ReasonUnschedulable = "Unschedulable"
	// ReasonImagePullFailed: a pod's image cannot be pulled.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonContainerNotStarted: a pod's container cannot be created, for example because a Secret or a folder is missing.
	ReasonContainerNotStarted = "ContainerNotStarted"
	// ReasonQuotaExceeded: a pod may not be created because of a quota.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonPodRefused: a pod may not be created because of Pod Security, a limit range or an admission webhook; the message has its words.
	ReasonPodRefused = "PodRefused"
	// ReasonSuperseded: a newer version of the model has taken the place of this unfinished one; its work was stopped.
	ReasonSuperseded = "Superseded"
	// ReasonEvaluating: the evaluator asks the serving runtime.
	ReasonEvaluating = "Evaluating"
	// ReasonEvaluationPassed: every gate holds.
	ReasonEvaluationPassed = "EvaluationPassed"
	// ReasonGateFailed: a score misses its gate; the version is not served.
	ReasonGateFailed = "GateFailed"
	// ReasonEvaluationErrored: the evaluation could not be run to its end.
	ReasonEvaluationErrored = "EvaluationErrored"
	// ReasonPublishing: the servable weights are put together.
	ReasonPublishing = "Publishing"
	// ReasonPublished: the servable weights are in the store.
	ReasonPublished = "Published"
	// ReasonPublishFailed: the servable weights could not be put together.
	ReasonPublishFailed = "PublishFailed"
	// ReasonMethodNotFound: there is no TryOnMethod of that name.
	ReasonMethodNotFound = "MethodNotFound"
	// ReasonStageNotFound: an override names a stage that the method does not have.
	ReasonStageNotFound = "StageNotFound"
	// ReasonBackendUnavailable: the cluster does not serve the chosen backend, or the backend cannot do what a stage asks for.
	ReasonBackendUnavailable = "BackendUnavailable"
	// ReasonStoreUnavailable: the artefact store cannot be used from this namespace.
	ReasonStoreUnavailable = "StoreUnavailable"
	// ReasonResourcesTooSmall: a container is given less than it needs.
	ReasonResourcesTooSmall = "ResourcesTooSmall"
	// ReasonNotOwned: an object of the needed name exists and belongs to somebody else.
	ReasonNotOwned = "NotOwned"
	// ReasonReconcileError: the operator could not read or write the cluster and tries again; what may pass by itself is told once it has lasted for a minute.
	ReasonReconcileError = "ReconcileError"
	// ReasonInUse: the object is being deleted and kept because somebody still uses it.
	ReasonInUse = "InUse"
)

// Reasons of a TryOnDeployment only.
const (
	// ReasonModelNotFound: there is no TryOnModel of that name.
	ReasonModelNotFound = "ModelNotFound"
	// ReasonVersionNotReady: no version, or not the one asked for, has passed its gates yet.
	ReasonVersionNotReady = "VersionNotReady"
	// ReasonResolved: the version to serve is known.
	ReasonResolved = "Resolved"
	// ReasonStarting: the first version's pods start.
	ReasonStarting = "Starting"
	// ReasonServing: the stable version serves and no rollout is under way.
	ReasonServing = "Serving"
	// ReasonCandidateStarting: the candidate's pods start and answer their golden requests.
	ReasonCandidateStarting = "CandidateStarting"
	// ReasonShifting: the candidate takes a growing share of the requests.
	ReasonShifting = "Shifting"
	// ReasonPromoting: the candidate takes over.
	ReasonPromoting = "Promoting"
	// ReasonDraining: the old version answers its last requests.
	ReasonDraining = "Draining"
	// ReasonCandidateFailed: the candidate does not start or does not answer its golden requests; the stable version serves on.
	ReasonCandidateFailed = "CandidateFailed"
	// ReasonUnavailable: no pod of the stable version takes requests.
	ReasonUnavailable = "Unavailable"
	// ReasonScaling: the number of ready pods is not yet the wanted one.
	ReasonScaling = "Scaling"
	// ReasonShadowing: the candidate answers copies of requests, off the live path, and is judged.
	ReasonShadowing = "Shadowing"
	// ReasonReplaying: known requests are put to the candidate and the stable version in a Job, and the candidate is judged.
	ReasonReplaying = "Replaying"
	// ReasonReplayFailed: that Job could not compare the two, or what it counted is refused; the message says why.
	ReasonReplayFailed = "ReplayFailed"
	// ReasonPaused: the rollout annotation holds everything where it is.
	ReasonPaused = "Paused"
	// ReasonRejected: the stable version serves on; the version that the spec asks for was rejected and is not tried again.
	ReasonRejected = "Rejected"
	// ReasonRolledBack: a version that had a share already was taken back; also a reason in the history.
	ReasonRolledBack = "RolledBack"
	// ReasonForwardsFailed: a version was taken back because it failed more of the requests that were forwarded to it than its gates allow; the
	// stable version serves on. Also a reason in the history.
	ReasonForwardsFailed = "ForwardsFailed"
	// ReasonAborted: a version was given up because the rollout annotation says so; also a reason in the history.
	ReasonAborted = "Aborted"
	// ReasonPromoted: in the history, a version took over.
	ReasonPromoted = "Promoted"
	// ReasonFixed: in the history, a version took over because spec.model.version asks for it.
	ReasonFixed = "Fixed"
	// ReasonFirstVersion: in the history, the first version that was served.
	ReasonFirstVersion = "FirstVersion"
	// ReasonCommandInForce: the rollout annotation is obeyed.
	ReasonCommandInForce = "CommandInForce"
	// ReasonReporting: a Job makes the report of the judgement.
	ReasonReporting = "Reporting"
	// ReasonReported: the report of the judgement is in the artefact store.
	ReasonReported = "Reported"
	// ReasonReportFailed: the report of the judgement could not be made; the rollout is not touched by that.
	ReasonReportFailed = "ReportFailed"
	// ReasonCatalogueRead: the ready pods find garments in the catalogue.
	ReasonCatalogueRead = "CatalogueRead"
	// ReasonCatalogueUnreadable: a ready pod cannot read the catalogue, or finds nothing in it; the message has the pod's words.
	ReasonCatalogueUnreadable = "CatalogueUnreadable"
	// ReasonCatalogueUnknown: no ready pod has said yet whether it can read the catalogue.
	ReasonCatalogueUnknown = "CatalogueUnknown"
	// ReasonUnknownCommand: the rollout annotation holds a word that is no command; candidates are held as by Pause.
	ReasonUnknownCommand = "UnknownCommand"
)

// Reasons of status.scaling, of its events, and of ScalingLimited.
const (
	// ReasonScalingSteady: the present number of pods is the right one.
	ReasonScalingSteady = "Steady"
	// ReasonScalingLoadRose: the arrivals of the stable window need more pods.
	ReasonScalingLoadRose = "LoadRose"
	// ReasonScalingBurst: what arrives now is more than all pods, starting ones included, can do.
	ReasonScalingBurst = "Burst"
	// ReasonScalingAtMaximum: more pods would be needed than maxReplicas allows.
	ReasonScalingAtMaximum = "AtMaximum"
	// ReasonScalingDelayed: fewer pods would be enough now, but were not for the whole scaleDownDelay.
	ReasonScalingDelayed = "ScaleInDelayed"
	// ReasonScalingLoadFell: fewer pods were enough for the whole scaleDownDelay.
	ReasonScalingLoadFell = "LoadFell"
	// ReasonScalingReadingsMissing: a ready pod does not say how much work it has, so nothing is taken away.
	ReasonScalingReadingsMissing = "ReadingsMissing"
	// ReasonScalingNoPodReady: no pod is ready, so nothing is known and nothing is changed.
	ReasonScalingNoPodReady = "NoPodReady"
	// ReasonScalingWatching: the manager has just begun to watch, and changes nothing yet.
	ReasonScalingWatching = "Watching"
	// ReasonScalingBounds: the number of pods was outside minReplicas and maxReplicas.
	ReasonScalingBounds = "Bounds"
	// ReasonScalingRequested: fewer pods would be enough, but spec.replicas was raised, which asks for so many for a scaleDownDelay.
	ReasonScalingRequested = "Requested"
	// ReasonScalingRequestCut: of an event, spec.replicas asks for more pods than scaling.maxReplicas allows.
	ReasonScalingRequestCut = "RequestCut"
	// ReasonScalingHeld: a new version has just taken over; the number changes again when the pods of the one before it leave.
	ReasonScalingHeld = "TakingOver"
	// ReasonScalingFree: of ScalingLimited, the work asks for no more than maxReplicas, and the pods say how much they have.
	ReasonScalingFree = "WithinBounds"
)

// Reasons of Capturing, and of the events about captured requests.
const (
	// ReasonCapturing: serving pods keep a sample of the answered requests.
	ReasonCapturing = "Capturing"
	// ReasonCapturePending: requests are to be kept, but no serving pod does it yet; the message has what the new pods lack.
	ReasonCapturePending = "CapturePending"
	// ReasonCaptureFailing: a ready pod cannot keep requests as asked; the message has the pod's words. Shoppers are served, and what cannot
	// be kept is dropped.
	ReasonCaptureFailing = "CaptureFailing"
	// ReasonErasing: what was kept in a place that the spec does not name any more is removed; also the reason of Ready of an object that
	// is being deleted meanwhile.
	ReasonErasing = "Erasing"
	// ReasonEraseFailed: what was kept could not be removed. The message has the place, the error, when it is tried again, and how to give up.
	ReasonEraseFailed = "EraseFailed"
	// ReasonCapturesErased: of an event, all captured requests in a place were removed.
	ReasonCapturesErased = "CapturesErased"
	// ReasonCapturesLeft: of an event, the captured requests in a place were not removed, and the operator does not know of them any more.
	ReasonCapturesLeft = "CapturesLeft"
)
