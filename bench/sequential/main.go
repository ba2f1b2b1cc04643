package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	seed := flag.Uint64("seed", 1, "decides every number")
	rollouts := flag.Int("rollouts", 20_000, "simulated rollouts per row")
	only := flag.String("only", "", "simulate the scenarios of errors whose name contains this")
	flag.Parse()
	var err error
	switch flag.Arg(0) {
	case "errors":
		err = wrongVerdicts(os.Stdout, *only, *rollouts, *seed)
	case "thresholds":
		err = thresholds(os.Stdout, *rollouts, *seed)
	case "figures":
		err = figures("docs", min(*rollouts, 2000), *seed)
	case "power":
		err = power(os.Stdout, *rollouts, *seed)
	default:
		err = fmt.Errorf("unknown command %q: errors, power or figures", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
