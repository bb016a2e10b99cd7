# shellcheck shell=bash
# Registries on free ports of the loopback interface, for tests that source this file after lib.sh: docker-registry of Debian,
# a token server for it, and hostile_registry.py. Each server ends with the test, by its process number. A server that does not listen
# within the time limit ends the test.

# A private certificate authority: make_authority NAME writes $TLS/NAME.crt and $TLS/NAME.key.
TLS=$TMP/tls
make_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$TLS/$1.key"; }
make_authority() {
  need openssl
  mkdir -p "$TLS/$1.issued"
  : >"$TLS/$1.issued/index"
  make_key "$1" && openssl req -x509 -new -key "$TLS/$1.key" -subj "/CN=layoutfs test authority $1" -days 2 -out "$TLS/$1.crt" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" || exit 1
}
# make_certificate AUTHORITY NAME [--expired] [HOST...]: writes $TLS/NAME.crt, .key and .pem (both) for servers and clients. The hosts are
# names or IPv4 addresses, by default 127.0.0.1 and localhost.
make_certificate() {
  local authority=$TLS/$1 name=$TLS/$2 start end=+2days host hosts=
  shift 2
  start=$(date -u -d -2days +%Y%m%d%H%M%SZ)
  [ "${1-}" != --expired ] || { end=-1day && shift; }
  [ $# != 0 ] || set -- 127.0.0.1 localhost
  for host; do
    [[ $host =~ ^[0-9.]+$ ]] && hosts+=,IP:$host || hosts+=,DNS:$host
  done
  cat >"$name.cnf" <<-CONFIGURATION
	[ca]
	default_ca = authority
	[authority]
	database = $authority.issued/index
	new_certs_dir = $authority.issued
	certificate = $authority.crt
	private_key = $authority.key
	default_md = sha256
	rand_serial = yes
	unique_subject = no
	policy = any
	x509_extensions = leaf
	[any]
	commonName = supplied
	[leaf]
	subjectAltName = ${hosts#,}
	extendedKeyUsage = serverAuth, clientAuth
	CONFIGURATION
  make_key "${name##*/}" &&
    openssl req -new -key "$name.key" -subj "/CN=${name##*/}" -out "$name.csr" &&
    openssl ca -batch -notext -config "$name.cnf" -in "$name.csr" -out "$name.crt" -startdate "$start" \
      -enddate "$(date -u -d "$end" +%Y%m%d%H%M%SZ)" 2>"$name.log" || { cat "$name.log" && exit 1; }
  cat "$name.crt" "$name.key" >"$name.pem"
}

# bcrypt PASSWORD: prints its hash, the only kind that docker-registry accepts. Perl is part of every Debian.
bcrypt() { perl -e 'print crypt($ARGV[0], q($2y$05$) . join("", map { ("a" .. "z", 0 .. 9)[rand 36] } 1 .. 21) . "e")' -- "$1"; }
# auth_file FILE HOST USER PASSWORD: adds credentials to an auth.json, as `skopeo login` does.
auth_file() {
  [ -s "$1" ] || echo '{}' >"$1"
  jq --arg host "$2" --arg auth "$(printf '%s:%s' "$3" "$4" | base64 -w0)" '.auths[$host].auth = $auth' "$1" >"$1.new" && mv "$1.new" "$1"
}

# ended_early NAME: prints the last messages of a server and ends the test.
ended_early() {
  not_ok "$1 listens" "$(tail -n 5 "$SERVERS/$1.log")"
  exit 1
}
# listens FILE PATTERN PID: succeeds when FILE has the pattern, or the process has ended.
listens() { grep -q "$2" "$1" 2>/dev/null || has_ended "$3"; }
SERVERS=$TMP/servers
mkdir -p "$SERVERS"
# skopeo and podman of root note there which layers of which registry are equal, and push one instead of another. A directory of
# the test covers the machine's, which would have the notes of other tests.
LAYER_NOTES=/var/lib/containers/cache
[ -z "$mounts_are_own" ] || { mkdir -p "$LAYER_NOTES" "$TMP/notes" && mount --bind "$TMP/notes" "$LAYER_NOTES"; } || exit 1

# start_registry NAME [OPTION...]: starts docker-registry with an empty storage $SERVERS/NAME, and sets the variable NAME to its
# HOST:PORT, and NAME_pid. Options:
#   --auth USER PASSWORD        basic authentication
#   --tls CERTIFICATE           HTTPS, with $TLS/CERTIFICATE.crt and .key
#   --client-authority NAME     demand certificates of clients, signed by $TLS/NAME.crt
#   --token-server NAME         tokens of start_token_server NAME
#   --mirror-of URL             a mirror that pulls through
start_registry() {
  local name=$1 config=$SERVERS/$1.yml log=$SERVERS/$1.log http="" auth="" proxy="" url pid
  need docker-registry
  shift
  while [ $# != 0 ]; do
    case $1 in
      --auth)
        printf '%s:%s\n' "$2" "$(bcrypt "$3")" >"$SERVERS/$name.users"
        auth="auth: {htpasswd: {realm: test, path: '$SERVERS/$name.users'}}"
        shift 3
        ;;
      --tls)
        http+=", tls: {certificate: '$TLS/$2.crt', key: '$TLS/$2.key'"
        shift 2
        if [ "${1-}" = --client-authority ]; then
          http+=", clientcas: ['$TLS/$2.crt']"
          shift 2
        fi
        http+="}"
        ;;
      --token-server)
        url=$2
        auth="auth: {token: {realm: '${!url}', service: layoutfs-test, issuer: layoutfs-test-$2, rootcertbundle: '$SERVERS/$2.crt'}}"
        shift 2
        ;;
      --mirror-of)
        proxy="proxy: {remoteurl: '$2'}"
        shift 2
        ;;
      *) echo "start_registry: unknown option $1" && exit 2 ;;
    esac
  done
  mkdir -p "$SERVERS/$name"
  cat >"$config" <<-CONFIGURATION
	version: 0.1
	storage: {filesystem: {rootdirectory: '$SERVERS/$name'}, delete: {enabled: true}}
	http: {addr: '127.0.0.1:0', secret: test$http}
	$auth
	$proxy
	CONFIGURATION
  : >"$log"
  docker-registry serve "$config" >"$log" 2>&1 &
  pid=$!
  pids+=("$pid")
  wait_for listens "$log" "listening on" "$pid" && ! has_ended "$pid" || ended_early "$name"
  declare -g "${name}_pid=$pid" "$name=$(sed -n 's/.*listening on \([0-9.]*:[0-9]*\).*/\1/p' "$log" | head -n 1)"
}

# start_token_server NAME [OPTION of token_server.py...]: starts it with a new key, and sets the variable NAME to its URL, and NAME_pid.
# $SERVERS/NAME.requests has a line for each request.
start_token_server() {
  local name=$1
  need openssl python3
  shift
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$SERVERS/$name.key" -subj "/CN=layoutfs test tokens" -days 2 \
    -out "$SERVERS/$name.crt" 2>/dev/null || exit 1
  start_python "$name" token_server.py --key "$SERVERS/$name.key" --certificate "$SERVERS/$name.crt" --issuer "layoutfs-test-$name" \
    --log "$SERVERS/$name.requests" "$@"
  declare -g "$name=$(sed -n 's/^url=//p' "$SERVERS/$name.ports")"
}

# start_hostile NAME OPTION...: starts hostile_registry.py, and sets the variables NAME and NAME_cdn to the HOST:PORT of the registry and
# of the host that has its blobs, NAME_control to an URL, and NAME_pid.
start_hostile() {
  local name=$1 field address
  need python3
  shift
  start_python "$name" hostile_registry.py "$@"
  while IFS="=" read -r field address; do
    [ "$field" = registry ] && declare -g "$name=$address" || declare -g "${name}_$field=$address"
  done <"$SERVERS/$name.ports"
}
# control NAME JSON: changes faults of a hostile registry. stats NAME FILTER: prints its counters through a filter of jq.
control() {
  local at=${1}_control
  limited curl -sS --fail-with-body -o "$SERVERS/$1.answer" -d "$2" "${!at}/control" || { cat "$SERVERS/$1.answer" && return 1; }
}
stats() {
  local at=${1}_control
  limited curl -sS "${!at}/stats" | jq -rc "$2"
}

# start_python NAME SCRIPT OPTION...: starts a server, and waits for its file of ports.
start_python() {
  local name=$1 pid
  rm -f "$SERVERS/$name.ports"
  python3 "$HERE/$2" --ports "$SERVERS/$name.ports" "${@:3}" >"$SERVERS/$name.log" 2>&1 &
  pid=$!
  pids+=("$pid")
  wait_for listens "$SERVERS/$name.ports" = "$pid" && ! has_ended "$pid" || ended_early "$name"
  declare -g "${name}_pid=$pid"
}
# stop_server NAME: ends a server before the test ends.
stop_server() {
  local pid=${1}_pid
  kill "${!pid}"
  wait_for has_ended "${!pid}"
}
