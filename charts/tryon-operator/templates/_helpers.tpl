{{- define "tryon.labels" -}}
app.kubernetes.io/name: tryon-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "tryon.selector" -}}
app.kubernetes.io/name: tryon-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tryon.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-manager
{{- end }}
