{{- define "tryon.selector" -}}
app.kubernetes.io/name: tryon-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tryon.labels" -}}
{{ include "tryon.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* A release's name may have dots and 53 characters; a Service's may not have the first, nor more than 63 with what follows here. */ -}}
{{- define "tryon.name" -}}
{{ .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" }}-manager
{{- end }}

{{- define "tryon.metricsPort" -}}
{{ .Values.metrics.secure | ternary 8443 8080 }}
{{- end }}
