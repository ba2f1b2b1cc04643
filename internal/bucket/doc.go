// Package bucket opens the S3 buckets that a worker or a sidecar uses, each with the credentials that are meant for it.
//
// A stage's pod has two of them, the artefact store and the dataset's source, and they may belong to different owners: one
// with a Secret, the other with the pod's own identity. The usual AWS_* variables can hold only one set of credentials, and
// whichever bucket has none would be asked with the other's. So each has variables of its own (task.EnvStore,
// task.EnvSource before the usual names); without them it is opened with what the AWS SDK finds by itself: AWS_* variables,
// a workload identity, the node's role.
package bucket
