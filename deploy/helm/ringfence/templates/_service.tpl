{{/*
One service: account, headless Service, StatefulSet, disruption budget. Takes a service.

Of its pods one leads and the others stand by, ready to take over: "ready" means well, whoever leads. So pods start in
parallel, a rolling update works, and callers are given the address of each pod and find the leader themselves.
*/}}
{{- define "ringfence.service" -}}
{{- $part := dict "root" .root "name" .name -}}
{{- $ports := include "ringfence.ports" .root | fromYaml -}}
{{- $namespace := .root.Release.Namespace -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ $namespace }}
  labels:
    {{- include "ringfence.labels" $part | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ $namespace }}
  labels:
    {{- include "ringfence.labels" $part | nindent 4 }}
spec:
  clusterIP: None
  # A pod has its name before it is ready: peers look for the leader, not for whoever is ready.
  publishNotReadyAddresses: true
  selector:
    {{- include "ringfence.selector" $part | nindent 4 }}
  ports:
    - name: grpc
      port: {{ $ports.grpc }}
      targetPort: grpc
    {{- range $name, $port := .facts.ports }}
    - name: {{ $name }}
      port: {{ $port }}
      targetPort: {{ $name }}
    {{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ $namespace }}
  labels:
    {{- include "ringfence.labels" $part | nindent 4 }}
spec:
  maxUnavailable: 1
  # A pod that is not well protects nothing by staying.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "ringfence.selector" $part | nindent 6 }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .name }}
  namespace: {{ $namespace }}
  labels:
    {{- include "ringfence.labels" $part | nindent 4 }}
spec:
  replicas: {{ .values.replicas }}
  serviceName: {{ .name }}
  podManagementPolicy: Parallel
  updateStrategy:
    type: RollingUpdate
    # Pods below it stay as they are, also when they are started again.
    rollingUpdate: {partition: {{ has .name .root.Values.upgrade.held | ternary .values.replicas 0 }}}
  # Long enough for a takeover: the next pod goes when the last one has shown that it stays.
  minReadySeconds: 10
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "ringfence.selector" $part | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "ringfence.podLabels" $part | nindent 8 }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .name }}
    spec:
      {{- include "ringfence.podHead" (dict "root" .root "account" .name) | nindent 6 }}
      priorityClassName: {{ .facts.priorityClass }}
      terminationGracePeriodSeconds: {{ include "ringfence.gracePeriodSeconds" .root }}
      {{- include "ringfence.spread" . | nindent 6 }}
      initContainers:
        # A pod of this release does not start on a schema that is older than it needs.
        - name: schema
          {{- include "ringfence.containerHead" (dict "root" .root "program" .name) | nindent 10 }}
          args: [migrate, --wait, --timeout, "600"]
          env:
            {{- include "ringfence.storeEnvironment" . | nindent 12 }}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            {{- include "ringfence.storeMounts" . | nindent 12 }}
      containers:
        - name: {{ .name }}
          {{- include "ringfence.containerHead" (dict "root" .root "program" .name) | nindent 10 }}
          args: [serve]
          env:
            {{- include "ringfence.environment" . | nindent 12 }}
          ports:
            {{- range $name, $port := merge (dict) $ports (.facts.ports | default dict) }}
            - name: {{ $name }}
              containerPort: {{ $port }}
            {{- end }}
          {{- include "ringfence.probes" . | nindent 10 }}
          lifecycle:
            preStop:
              # Callers learn that the pod goes before it stops answering.
              sleep: {seconds: {{ (include "ringfence.stopping" .root | fromYaml).endpoints }}}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            {{- include "ringfence.mounts" . | nindent 12 }}
      volumes:
        {{- include "ringfence.volumes" . | nindent 8 }}
{{- end }}

{{/*
Probes by the plaintext port, which serves health and nothing else: kubelet speaks neither TLS nor certificates.
`live` asks neither Vault nor PostgreSQL: a restart mends neither. Takes a service.
*/}}
{{- define "ringfence.probes" -}}
{{- $port := (include "ringfence.ports" .root | fromYaml).health -}}
# Two minutes for the program to run at all. From then on it is live, and not ready while it waits for Vault or reads
# events: nothing ends a start that takes long, which would only begin anew.
startupProbe:
  grpc: {port: {{ $port }}, service: live}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 24
livenessProbe:
  grpc: {port: {{ $port }}, service: live}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  grpc: {port: {{ $port }}, service: ready}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{/* A pod per zone, without exception; a node each, where there are enough. Takes a service. */}}
{{- define "ringfence.spread" -}}
topologySpreadConstraints:
{{- with .root.Values.spread.zones }}
  - topologyKey: topology.kubernetes.io/zone
    maxSkew: 1
    # Fewer zones than this count as one that is empty: then a pod waits rather than join another.
    minDomains: {{ . }}
    whenUnsatisfiable: DoNotSchedule
    labelSelector:
      matchLabels:
        {{- include "ringfence.selector" (dict "root" $.root "name" $.name) | nindent 8 }}
{{- end }}
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "ringfence.selector" (dict "root" .root "name" .name) | nindent 8 }}
{{- end }}
