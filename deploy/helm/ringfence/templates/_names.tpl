{{/*
Names. A service is called as in the architecture, without the release's name before it: its address is what peers,
certificates and policies speak of. So a namespace has one release.

Most templates take a service as a dict: `root` (the chart's scope), `name`, `facts` (its entry in the architecture) and
`values` (its entry in the values).
*/}}

{{/* Labels that select the pods of a part. Takes a dict: root, name, component. */}}
{{- define "ringfence.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component | default "service" }}
{{- end }}

{{/* All labels of an object of a part. Takes the same dict. */}}
{{- define "ringfence.labels" -}}
{{ include "ringfence.selector" . }}
app.kubernetes.io/part-of: ringfence
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Labels of a part's pods: none that change with the chart's version, which alone restarts nobody. Takes the dict. */}}
{{- define "ringfence.podLabels" -}}
{{ include "ringfence.selector" . }}
app.kubernetes.io/part-of: ringfence
{{- end }}

{{/* The labels of an object that belongs to no part. Takes the chart's scope. */}}
{{- define "ringfence.commonLabels" -}}
{{ include "ringfence.labels" (dict "root" . "name" "ringfence" "component" "platform") }}
{{- end }}

{{/* The image of a program, by tag and digest. Takes a dict: root, program. */}}
{{- define "ringfence.image" -}}
{{- $image := .root.Values.image -}}
{{- printf "%s/ringfence-%s:%s" $image.repository .program ($image.tag | default .root.Chart.AppVersion) -}}
{{- with get $image.digests .program }}@{{ . }}{{ end -}}
{{- end }}

{{/* The addresses of a service's pods, with commas. Takes a dict: root, name. A region that stands by has names, too. */}}
{{- define "ringfence.addresses" -}}
{{- $port := (include "ringfence.ports" .root | fromYaml).grpc -}}
{{- $addresses := list -}}
{{- range $i := until (int ((index .root.Values.services .name).replicas | default 3)) -}}
{{- $addresses = append $addresses (printf "%s-%d.%s.%s.svc:%v" $.name $i $.name $.root.Release.Namespace $port) -}}
{{- end -}}
{{- join "," $addresses -}}
{{- end }}

{{/* Whether anything runs; empty where a region stands by. Takes the chart's scope. */}}
{{- define "ringfence.runs" -}}
{{- range .Values.services }}{{ if .replicas }}true{{ end }}{{ end -}}
{{- end }}

{{/* The database of a service as a libpq URL without a password. Takes a dict: root, values, user. */}}
{{- define "ringfence.databaseUrl" -}}
{{- $database := .root.Values.database -}}
{{- $hosts := list -}}
{{- range .values.database.hosts | default $database.hosts -}}
{{- $hosts = append $hosts (printf "%s:%v" . $database.port) -}}
{{- end -}}
{{- $options := list (printf "sslmode=%s" $database.sslmode) -}}
{{- if hasPrefix "verify-" $database.sslmode -}}
{{- $options = append $options "sslrootcert=/etc/ringfence/trust/postgres-ca.pem" -}}
{{- end -}}
{{- /* Of several hosts the primary; how soon a host is given up the services say themselves. */ -}}
{{- $options = append $options "target_session_attrs=read-write" -}}
{{- printf "postgresql://%s@%s/%s?%s" .user (join "," $hosts) .values.database.name (join "&" $options) -}}
{{- end }}
