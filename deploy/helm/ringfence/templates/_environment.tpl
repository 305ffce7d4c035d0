{{/* The environment of `serve`. Takes a service. */}}
{{- define "ringfence.environment" -}}
{{- $values := .root.Values -}}
{{- $ports := include "ringfence.ports" .root | fromYaml -}}
{{ include "ringfence.storeEnvironment" . }}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: RINGFENCE_LISTEN
  value: {{ printf "0.0.0.0:%v" $ports.grpc }}
- name: RINGFENCE_HEALTH_LISTEN
  value: {{ printf "0.0.0.0:%v" $ports.health }}
- name: RINGFENCE_METRICS_LISTEN
  value: {{ printf "0.0.0.0:%v" $ports.metrics }}
- name: VAULT_ADDR
  value: {{ join "," $values.vault.addresses | quote }}
- name: VAULT_CACERT
  value: /etc/ringfence/trust/vault-ca.pem
- name: RINGFENCE_VAULT_AUTH
  value: {{ $values.vault.auth }}
{{- with $values.vault.mount }}
- name: RINGFENCE_VAULT_AUTH_MOUNT
  value: {{ . }}
{{- end }}
- name: RINGFENCE_VAULT_ROLE
  value: {{ .name }}
- name: RINGFENCE_VAULT_TOKEN_FILE
  value: /var/run/secrets/ringfence/vault/token
- name: RINGFENCE_NATS_URL
  value: {{ join "," $values.nats.urls | quote }}
- name: RINGFENCE_NATS_CACERT
  value: /etc/ringfence/trust/nats-ca.pem
- name: RINGFENCE_WORKLOAD_CA_FILE
  value: /etc/ringfence/trust/workload-ca.pem
- name: RINGFENCE_CLIENT_CA_FILE
  value: /etc/ringfence/trust/client-ca.pem
- name: RINGFENCE_TRUST_DOMAIN
  value: {{ $values.trust.domain | quote }}
- name: RINGFENCE_CERTIFICATE_NAMES
  value: {{ printf "$(POD_NAME).%s.%s.svc" .name .root.Release.Namespace }}
{{- range .facts.calls }}
- name: {{ printf "RINGFENCE_%s_ADDRESS" (. | upper | replace "-" "_") }}
  value: {{ include "ringfence.addresses" (dict "root" $.root "name" .) }}
{{- end }}
{{- with $values.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . }}
{{- end }}
# While the preStop hook sleeps the pod leaves the endpoints already.
- name: RINGFENCE_LEAVE_SECONDS
  value: "0"
- name: RINGFENCE_DRAIN_SECONDS
  value: {{ (include "ringfence.stopping" .root | fromYaml).drain | quote }}
- name: RINGFENCE_SNAPSHOT_DIRECTORY
  value: /var/lib/ringfence/snapshots
{{- include "ringfence.ownEnvironment" . }}
{{- range $variable, $value := .values.settings }}
- name: {{ $variable }}
  {{- /* Numbers of YAML are floating: a whole one must not become 2.5e+06. */}}
  value: {{ ternary (printf "%.0f" (float64 $value)) (toString $value) (and (kindIs "float64" $value) (eq (floor $value) (float64 $value))) | quote }}
{{- end }}
{{- end }}

{{/* What `serve` and `migrate --wait` read of the store. Takes a service. */}}
{{- define "ringfence.storeEnvironment" -}}
- name: RINGFENCE_SERVICE
  value: {{ .name }}
- name: RINGFENCE_DATABASE_URL
  value: {{ include "ringfence.databaseUrl" (dict "root" .root "values" .values "user" .values.database.user) | quote }}
- name: RINGFENCE_DATABASE_PASSWORD_FILE
  value: /etc/ringfence/database/password
{{- end }}

{{/* What `migrate` reads: the owner's role, which no serving pod ever holds. Takes a service. */}}
{{- define "ringfence.migrationEnvironment" -}}
- name: RINGFENCE_SERVICE
  value: {{ .name }}
- name: RINGFENCE_DATABASE_URL
  value: {{ include "ringfence.databaseUrl" (dict "root" .root "values" .values "user" .values.database.user) | quote }}
- name: RINGFENCE_OWNER_DATABASE_URL
  value: {{ include "ringfence.databaseUrl" (dict "root" .root "values" .values "user" .values.database.owner) | quote }}
- name: RINGFENCE_OWNER_DATABASE_PASSWORD_FILE
  value: /etc/ringfence/owner/password
{{- end }}

{{/* What one service alone reads. Takes a service. */}}
{{- define "ringfence.ownEnvironment" -}}
{{- if eq .name "identity" }}
{{- if .values.firstPrincipalsConfigMap }}
- name: RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE
  value: /etc/ringfence/principals/principals.json
{{- end }}
{{- if .values.pinStatementsConfigMap }}
- name: RINGFENCE_PIN_STATEMENTS_FILE
  value: /etc/ringfence/pin-statements/statements.jwt
{{- end }}
{{- with .values.register }}
{{- if .claim }}
- name: RINGFENCE_ERASURE_REGISTER_DIRECTORY
  value: /var/lib/ringfence/register
{{- else }}
- name: RINGFENCE_ERASURE_REGISTER_S3_BUCKET
  value: {{ .bucket | quote }}
- name: RINGFENCE_ERASURE_REGISTER_S3_REGION
  value: {{ .region }}
- name: RINGFENCE_ERASURE_REGISTER_S3_ENDPOINT
  value: {{ include "ringfence.bucketEndpoint" . }}
{{- if .ownAuthority }}
- name: RINGFENCE_ERASURE_REGISTER_S3_CACERT
  value: /etc/ringfence/trust/register-ca.pem
{{- end }}
- name: RINGFENCE_ERASURE_REGISTER_S3_ACCESS_KEY_ID
  value: {{ .accessKeyId | quote }}
- name: RINGFENCE_ERASURE_REGISTER_S3_SECRET_ACCESS_KEY_FILE
  value: /etc/ringfence/register/secretAccessKey
{{- end }}
{{- end }}
{{- else if eq .name "audit" }}
- name: RINGFENCE_LOG_ORIGIN
  value: {{ .values.logOrigin | quote }}
- name: RINGFENCE_TILES_LISTEN
  value: {{ printf "0.0.0.0:%v" .facts.ports.tiles }}
- name: RINGFENCE_CONSOLE_LISTEN
  value: {{ printf "0.0.0.0:%v" .facts.ports.console }}
{{- else if eq .name "payment-instruction" }}
{{- with .values.rail }}
{{- if .spoolClaim }}
- name: RINGFENCE_RAIL_SPOOL_DIRECTORY
  value: /var/lib/ringfence/spool
{{- else }}
- name: RINGFENCE_RAIL_S3_BUCKET
  value: {{ .bucket | quote }}
- name: RINGFENCE_RAIL_S3_REGION
  value: {{ .region }}
- name: RINGFENCE_RAIL_S3_ENDPOINT
  value: {{ include "ringfence.bucketEndpoint" . }}
{{- with .prefix }}
- name: RINGFENCE_RAIL_S3_PREFIX
  value: {{ . }}
{{- end }}
{{- if .ownAuthority }}
- name: RINGFENCE_RAIL_S3_CACERT
  value: /etc/ringfence/trust/rail-ca.pem
{{- end }}
- name: RINGFENCE_RAIL_S3_ACCESS_KEY_ID
  value: {{ .accessKeyId | quote }}
- name: RINGFENCE_RAIL_S3_SECRET_ACCESS_KEY_FILE
  value: /etc/ringfence/rail/secretAccessKey
{{- end }}
{{- if .credentialsSecret }}
- name: RINGFENCE_RAIL_CREDENTIALS_DIRECTORY
  value: /etc/ringfence/rail-credentials
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where a bucket is. Takes the values of the rail or of the register. */}}
{{- define "ringfence.bucketEndpoint" -}}
{{- .endpoint | default (printf "https://s3.%s.amazonaws.com" .region) -}}
{{- end }}
