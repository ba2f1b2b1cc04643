package shopper

import "testing"

func TestTheReplyIsOfAnAcceptedType(t *testing.T) {
	tests := map[string]struct {
		accept []string
		want   string
	}{
		"no header":         {nil, TypePNG},
		"anything":          {[]string{"*/*"}, TypePNG},
		"any picture":       {[]string{"image/*"}, TypePNG},
		"JPEG":              {[]string{"image/jpeg"}, TypeJPEG},
		"JPEG before PNG":   {[]string{"image/png;q=0.2, image/jpeg;q=0.9"}, TypeJPEG},
		"anything but PNG":  {[]string{"*/*;q=0.5, image/png;q=0"}, TypeJPEG},
		"JSON":              {[]string{"application/json"}, TypeJSON},
		"a browser":         {[]string{"text/html,application/xhtml+xml,*/*;q=0.8"}, TypePNG},
		"a page":            {[]string{"text/html"}, ""},
		"nonsense":          {[]string{";;;"}, ""},
		"several headers":   {[]string{"text/html", "image/jpeg"}, TypeJPEG},
		"a refused picture": {[]string{"image/*;q=0"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Negotiate(tt.accept)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
