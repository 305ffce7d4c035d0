#!/bin/sh
# Leaves of a virtual environment what our programs need: trim.sh ENVIRONMENT SERVICE, where a tool is no service.
set -eu
cd "$1"
find bin -mindepth 1 ! -name 'python*' ! -name 'ringfence*' -delete
[ ! -e "bin/$2" ] || ln -s "$2" bin/service
rm -rf include share
cd lib/python3.*/site-packages
# Tests, the modules that only they use, headers, stubs and sources of what is compiled.
find . -type d -name tests -prune -exec rm -rf {} +
rm -f numpy/_core/*_tests.*.so numpy/_core/_simd.*.so
find . -type f \( -name '*.py[ix]' -o -name '*.px[di]' -o -name '*.[ach]' -o -name '*.proto' \) -delete
# Words that our pages are shown in are read as they are.
find . -type f -name '*.po' ! -path './ringfence_*' -delete
# Parts of packages that build others, or that no module here imports: `make images` imports all that is left of ours.
rm -rf numpy/f2py numpy/distutils numpy/_core/include lxml/html lxml/isoschematron lxml/objectify.*.so
# Symbols for debuggers. What stands in *.libs was laid out anew by its packager, which strip does not survive.
find . -type f -name '*.so*' ! -path './*.libs/*' -exec strip --strip-unneeded {} +
# By content and unchecked: no file's time matters, and nothing is compiled at a start.
"$1/bin/python" -m compileall -q --invalidation-mode unchecked-hash .
