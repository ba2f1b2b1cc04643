// Package replayjob runs the Job of a replay for a TryOnDeployment: it says how it stands, starts it, and clears it away. What was counted
// is in the worker's last words, so neither a restarted manager nor a killed pod loses anything but time.
package replayjob
