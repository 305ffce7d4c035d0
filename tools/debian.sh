# Sourced by the setups: installs packages of Debian, by root or sudo.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# install_debian PACKAGE...: does nothing when called without any.
install_debian() {
    [ $# -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "there is no sudo here; as root: apt-get install $*" >&2
        exit 1
    fi
    echo "installing Debian packages: $*"
    as_root apt-get update -q >/dev/null
    # A server of its own would start with the package; ours are started where they are used.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 install -qq -y \
        --no-install-recommends "$@" >/dev/null
}
