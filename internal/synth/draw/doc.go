// Package draw paints labelled pictures: polygons and bent tubes, filled by brushes that are functions of the place.
//
// A canvas holds 3x3 samples a pixel, each with a colour and a label; a picture averages the colours, a label map takes the
// label of most samples, so both agree at every edge. Coordinates are body units: the frame is one unit high, y grows
// downwards, x is 0 on the centre line. A brush may be restricted to samples that carry certain labels.
package draw
