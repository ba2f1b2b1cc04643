// Package folder keeps files in one folder of a claim that hostile pods may write to as well. Nothing outside of the folder is read,
// written, listed or deleted, whatever links lie in it (see os.Root), and neither pipes nor devices are opened. What is written
// appears whole, and what was written or deleted is so on disk before the call returns.
package folder
