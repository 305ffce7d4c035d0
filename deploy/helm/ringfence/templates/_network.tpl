{{/* Who may call a service: its peers, the test that pays, and whom the site names. Takes a dict: root, name. */}}
{{- define "ringfence.callersOf" -}}
{{- range $peer, $of := include "ringfence.architecture" .root | fromYaml }}
{{- if has $.name $of.calls }}
- podSelector:
    matchLabels:
      {{- include "ringfence.selector" (dict "root" $.root "name" $peer) | nindent 6 }}
{{- end }}
{{- end }}
{{- if .root.Values.tests.payment.enabled }}
- podSelector:
    matchLabels:
      {{- include "ringfence.selector" (dict "root" .root "name" "ringfence" "component" "test-payment") | nindent 6 }}
{{- end }}
{{- with .root.Values.network.callers }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Pods of another namespace as a peer of a policy. Takes a dict: namespace, podLabels. */}}
{{- define "ringfence.podsOf" -}}
- namespaceSelector:
    matchLabels: {kubernetes.io/metadata.name: {{ .namespace }}}
  {{- with .podLabels }}
  podSelector:
    matchLabels:
      {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end }}

{{/* Names are looked up at the cluster's DNS. Takes the chart's scope. */}}
{{- define "ringfence.dns" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
  to:
    {{- include "ringfence.podsOf" .Values.network.dns | nindent 4 }}
{{- end }}

{{/* The way to a service's database. Takes a dict: root, values. */}}
{{- define "ringfence.toDatabase" -}}
{{- $database := .root.Values.database -}}
{{- $urls := list -}}
{{- range .values.database.hosts | default $database.hosts -}}
{{- $urls = append $urls (printf "postgresql://%s:%v" . $database.port) -}}
{{- end -}}
{{- include "ringfence.to" (dict "at" $database "urls" $urls) -}}
{{- end }}

{{/*
The way to a part of the platform, made from its addresses: a rule per port, with the namespace of every address in the
cluster (`….NAMESPACE.svc`) and, for the others, the networks that the site names (without any, which
production refuses, that port of anywhere).
Takes a dict: `urls`, and `at` with podLabels and cidrs.
*/}}
{{- define "ringfence.to" -}}
{{- $inside := dict -}}
{{- $outside := dict -}}
{{- range .urls -}}
{{- $port := include "ringfence.portOf" . -}}
{{- with include "ringfence.namespaceOf" . -}}
{{- $_ := set $inside (printf "%s/%s" $port .) . -}}
{{- else -}}
{{- $_ := set $outside $port true -}}
{{- end -}}
{{- end -}}
{{- range $key, $namespace := $inside }}
- ports: [{port: {{ first (splitList "/" $key) }}, protocol: TCP}]
  to:
    {{- include "ringfence.podsOf" (dict "namespace" $namespace "podLabels" $.at.podLabels) | nindent 4 }}
{{- end }}
{{- range $port, $_ := $outside }}
- ports: [{port: {{ $port }}, protocol: TCP}]
  {{- with $.at.cidrs }}
  to:
    {{- range . }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Host and port of a URL; the port of its scheme where it has none. */}}
{{- define "ringfence.hostOf" -}}
{{- (urlParse .).hostname -}}
{{- end }}
{{- define "ringfence.portOf" -}}
{{- $url := urlParse . -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end }}

{{/* The namespace of a URL's host where that is a Service of the cluster, else nothing. */}}
{{- define "ringfence.namespaceOf" -}}
{{- $parts := regexSplit "\\.svc(\\.|$)" (include "ringfence.hostOf" .) 2 -}}
{{- if gt (len $parts) 1 }}{{ last (splitList "." (first $parts)) }}{{ end -}}
{{- end }}
