package picture

import "image"

// grid is one byte per pixel, row-major.
type grid struct {
	w, h int
	pix  []byte
}

func newGrid(w, h int) grid { return grid{w, h, make([]byte, w*h)} }

// count gives how many pixels are more than half set.
func (g grid) count() int {
	n := 0
	for _, v := range g.pix {
		if v >= 128 {
			n++
		}
	}
	return n
}

// flood visits every pixel that can be reached from seeds through pixels for which open is true, in four directions. Seeds must be open.
func (g grid) flood(seeds []int, open func(i int) bool, visit func(i int)) {
	seen := make([]bool, len(g.pix))
	stack := make([]int, 0, len(seeds))
	push := func(i int) {
		if !seen[i] && open(i) {
			seen[i] = true
			stack = append(stack, i)
		}
	}
	for _, s := range seeds {
		push(s)
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		visit(i)
		g.around(i, push)
	}
}

// around calls f for the four neighbours of a pixel.
func (g grid) around(i int, f func(j int)) {
	x, y := i%g.w, i/g.w
	if x > 0 {
		f(i - 1)
	}
	if x < g.w-1 {
		f(i + 1)
	}
	if y > 0 {
		f(i - g.w)
	}
	if y < g.h-1 {
		f(i + g.w)
	}
}

// components gives the four-connected groups of pixels for which in is true.
func (g grid) components(in func(i int) bool) [][]int {
	seen := make([]bool, len(g.pix))
	var all [][]int
	for start := range g.pix {
		if seen[start] || !in(start) {
			continue
		}
		var group []int
		g.flood([]int{start}, func(i int) bool { return in(i) && !seen[i] }, func(i int) {
			seen[i] = true
			group = append(group, i)
		})
		all = append(all, group)
	}
	return all
}

// spread gives the largest (dilation) value within r pixels, square window, in two passes.
func (g grid) spread(r int) grid {
	return g.passes(r, func(window []byte) byte {
		m := byte(0)
		for _, v := range window {
			m = max(m, v)
		}
		return m
	})
}

// blur gives the mean within r pixels, square window, in two passes.
func (g grid) blur(r int) grid {
	return g.passes(r, func(window []byte) byte {
		sum := 0
		for _, v := range window {
			sum += int(v)
		}
		return byte((sum + len(window)/2) / len(window))
	})
}

func (g grid) passes(r int, reduce func(window []byte) byte) grid {
	if r < 1 {
		return g
	}
	rows, out := newGrid(g.w, g.h), newGrid(g.w, g.h)
	for y := range g.h {
		row := g.pix[y*g.w : (y+1)*g.w]
		for x := range g.w {
			rows.pix[y*g.w+x] = reduce(row[max(0, x-r):min(g.w, x+r+1)])
		}
	}
	column := make([]byte, g.h)
	for x := range g.w {
		for y := range g.h {
			column[y] = rows.pix[y*g.w+x]
		}
		for y := range g.h {
			out.pix[y*g.w+x] = reduce(column[max(0, y-r):min(g.h, y+r+1)])
		}
	}
	return out
}

func rgbAt(img *image.RGBA, i int) [3]int {
	return [3]int{int(img.Pix[4*i]), int(img.Pix[4*i+1]), int(img.Pix[4*i+2])}
}

// distance is the largest difference of two colours in one channel.
func distance(a, b [3]int) int {
	d := 0
	for c := range a {
		d = max(d, a[c]-b[c], b[c]-a[c])
	}
	return d
}
