{{/* What the restricted profile asks of a pod, and uid and gid of the images. */}}
{{- define "ringfence.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
# Files of secrets and the token belong to the group.
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What the restricted profile asks of a container, and more: nothing is written but into emptyDirs. */}}
{{- define "ringfence.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
{{- end }}

{{/* How a pod stands in its node: the head of every pod's spec. Takes a dict: root, account. */}}
{{- define "ringfence.podHead" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
# Otherwise Kubernetes puts a dozen variables per Service into the environment.
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- include "ringfence.podSecurity" . | nindent 2 }}
{{- end }}

{{/* Image, pull policy and security context: the head of every container. Takes a dict: root, program. */}}
{{- define "ringfence.containerHead" -}}
image: {{ include "ringfence.image" . }}
# A digest says what is run; a registry that is away must not keep a pod from starting where the image is.
imagePullPolicy: IfNotPresent
securityContext:
  {{- include "ringfence.containerSecurity" . | nindent 2 }}
{{- end }}

{{/* Bytes of a quantity of Kubernetes, as digits. Takes the quantity. */}}
{{- define "ringfence.bytes" -}}
{{- $units := dict "m" 0.001 "" 1.0 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 -}}
{{- mulf (regexFind "^[0-9.]+" . | float64) (get $units (regexFind "[A-Za-z]*$" .)) | printf "%.0f" -}}
{{- end }}

{{/* Room in /tmp of every pod. */}}
{{- define "ringfence.tmpSize" -}}
64Mi
{{- end }}

{{/* What programs beside the services need: migrations, tests, bootstrap. */}}
{{- define "ringfence.smallResources" -}}
requests: {cpu: 100m, memory: 256Mi, ephemeral-storage: 64Mi}
limits: {cpu: "1", memory: 256Mi, ephemeral-storage: 64Mi}
{{- end }}

{{/* Volume mounts of a serving container. Takes a service. */}}
{{- define "ringfence.mounts" -}}
{{ include "ringfence.storeMounts" . }}
- name: vault-token
  mountPath: /var/run/secrets/ringfence/vault
  readOnly: true
- name: snapshots
  mountPath: /var/lib/ringfence/snapshots
{{- if and (eq .name "identity") .values.firstPrincipalsConfigMap }}
- name: principals
  mountPath: /etc/ringfence/principals
  readOnly: true
{{- end }}
{{- if and (eq .name "identity") .values.pinStatementsConfigMap }}
- name: pin-statements
  mountPath: /etc/ringfence/pin-statements
  readOnly: true
{{- end }}
{{- if eq .name "identity" }}
{{- with .values.register }}
- name: register
  mountPath: {{ ternary "/var/lib/ringfence/register" "/etc/ringfence/register" (ne .claim "") }}
  readOnly: {{ eq .claim "" }}
{{- end }}
{{- end }}
{{- if eq .name "payment-instruction" }}
{{- with .values.rail }}
{{- if .spoolClaim }}
- name: spool
  mountPath: /var/lib/ringfence/spool
{{- else }}
- name: rail
  mountPath: /etc/ringfence/rail
  readOnly: true
{{- end }}
{{- if .credentialsSecret }}
- name: rail-credentials
  mountPath: /etc/ringfence/rail-credentials
  readOnly: true
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Volume mounts of whatever only talks to the store. */}}
{{- define "ringfence.storeMounts" -}}
- name: tmp
  mountPath: /tmp
- name: trust
  mountPath: /etc/ringfence/trust
  readOnly: true
- name: database
  mountPath: /etc/ringfence/database
  readOnly: true
{{- end }}

{{/* Volumes of a serving pod. Takes a service. */}}
{{- define "ringfence.volumes" -}}
{{ include "ringfence.commonVolumes" .root }}
- name: database
  secret:
    secretName: {{ .values.database.passwordSecret }}
    defaultMode: 0440
    items: [{key: password, path: password}]
- name: vault-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          audience: {{ .root.Values.vault.audience }}
          expirationSeconds: 600
          path: token
- name: snapshots
  emptyDir: {sizeLimit: {{ .values.snapshotsSize }}}
{{- if and (eq .name "identity") .values.firstPrincipalsConfigMap }}
- name: principals
  configMap:
    name: {{ .values.firstPrincipalsConfigMap }}
    items: [{key: principals.json, path: principals.json}]
{{- end }}
{{- if and (eq .name "identity") .values.pinStatementsConfigMap }}
- name: pin-statements
  configMap:
    name: {{ .values.pinStatementsConfigMap }}
    items: [{key: statements.jwt, path: statements.jwt}]
{{- end }}
{{- if eq .name "identity" }}
{{- with .values.register }}
- name: register
  {{- if .claim }}
  persistentVolumeClaim: {claimName: {{ .claim }}}
  {{- else }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    items: [{key: secretAccessKey, path: secretAccessKey}]
  {{- end }}
{{- end }}
{{- end }}
{{- if eq .name "payment-instruction" }}
{{- with .values.rail }}
{{- if .spoolClaim }}
- name: spool
  persistentVolumeClaim: {claimName: {{ .spoolClaim }}}
{{- else }}
- name: rail
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    items: [{key: secretAccessKey, path: secretAccessKey}]
{{- end }}
{{- if .credentialsSecret }}
- name: rail-credentials
  secret: {secretName: {{ .credentialsSecret }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Volumes that every pod has. Takes the chart's scope. */}}
{{- define "ringfence.commonVolumes" -}}
- name: tmp
  emptyDir: {sizeLimit: {{ include "ringfence.tmpSize" . }}}
# The whole ConfigMap as a folder: what a rotation adds shows in the running pod.
- name: trust
  configMap: {name: {{ .Values.trust.configMap }}}
{{- end }}
