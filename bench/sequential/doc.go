// Command sequential checks internal/sequential by simulation and draws the figures of docs/statistics.md. Every number is decided by -seed.
//
//	go run ./bench/sequential errors    how often a verdict is wrong, up to 20,000 rollouts per row, watched at every block
//	go run ./bench/sequential power     how many pairs a verdict takes, beside a fixed-horizon test of the same power
//	go run ./bench/sequential thresholds    the same traffic judged by repeated fixed thresholds
//	go run ./bench/sequential figures   docs/statistics-*.svg
package main
