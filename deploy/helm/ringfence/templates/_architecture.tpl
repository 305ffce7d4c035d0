{{/*
What is so at every site: the services, who calls whom, and how long each step of a stop takes. Addresses, network
policies, disruption budgets and everything else that exists once per service are made from this map.
`calls` is the list of peers whose addresses the service gets; its ingress at them follows from the same word.
`ports` are its own, beside those of every service.
*/}}
{{- define "ringfence.architecture" -}}
identity:
  calls: [custody, payment-instruction, audit]
  priorityClass: ringfence-money
custody:
  calls: [identity, payment-instruction]
  priorityClass: ringfence-money
payment-instruction:
  calls: [identity, custody]
  priorityClass: ringfence-record
audit:
  calls: [identity, custody, payment-instruction]
  priorityClass: ringfence-record
  ports: {tiles: 8444, console: 8445}
{{- end }}

{{/* Ports inside a pod; a probe or a policy names them. */}}
{{- define "ringfence.ports" -}}
grpc: 8443
health: 8081
metrics: 9464
{{- end }}

{{/*
A stop, in seconds: endpoints go first, calls under way end, then the process closes and saves, or ends itself when
that takes longer than the kernel's CLOSING_SECONDS. Kubelet kills after the sum. A last snapshot that is cut off is
no loss: the pod's snapshots go with the pod.
*/}}
{{- define "ringfence.stopping" -}}
endpoints: 5
drain: 10
closing: 9
spare: 6
{{- end }}

{{- define "ringfence.gracePeriodSeconds" -}}
{{- $stopping := include "ringfence.stopping" . | fromYaml -}}
{{- add $stopping.endpoints $stopping.drain $stopping.closing $stopping.spare -}}
{{- end }}
