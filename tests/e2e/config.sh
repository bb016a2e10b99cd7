#!/usr/bin/env bash
# layoutfs config: another configuration with the same layers.
. "$(dirname "$0")/lib.sh"
need jq
make_layouts sample single
S=$TMP/layouts/sample
config_of() { layoutfs inspect --config "$S:$1"; }
export SOURCE_DATE_EPOCH=1700000000

digest=$(layoutfs config --env A=1 --env B=x=y --label l=v --port 80 --port 53/udp --user 5:6 --workdir /w --entrypoint /e --entrypoint '' \
  --cmd '["a b","c"]' "$S:app:1.0" new)
same "config prints the digest of the new image" "$(layoutfs ref get "$S" new | jq -r .digest)" "$digest"
same "config sets each parameter" '{"Env":["A=1","B=x=y"],"Labels":{"l":"v"},"ExposedPorts":["53/udp","80/tcp"],"User":"5:6","WorkingDir":"/w","Entrypoint":["/e",""],"Cmd":["a b","c"]}' \
  "$(config_of new | jq -c '.config | {Env: [.Env[] | select(startswith("A") or startswith("B"))], Labels, ExposedPorts: (.ExposedPorts | keys), User, WorkingDir, Entrypoint, Cmd}')"
same "the new image has the same layers" "$(layoutfs inspect --raw "$S:app:1.0" | jq -c .layers)" "$(layoutfs inspect --raw "$S:new" | jq -c .layers)"
same "the history has an entry without a layer" '["2023-11-14T22:13:20Z","layoutfs config --env A=1 --env B=x=y --entrypoint /e --entrypoint  --cmd [\"a b\",\"c\"] --label l=v --user 5:6 --workdir /w --port 80 --port 53/udp",true]' \
  "$(config_of new | jq -c '.history[-1] | [.created, .created_by, .empty_layer]')"
same "the diffIDs are the same" "$(config_of app:1.0 | jq -c .rootfs)" "$(config_of new | jq -c .rootfs)"
same "the same options give the same digest" "$digest" "$(layoutfs config --env A=1 --env B=x=y --label l=v --port 80 --port 53/udp --user 5:6 --workdir /w \
  --entrypoint /e --entrypoint '' --cmd '["a b","c"]' "$S:app:1.0" twice)"
layoutfs config --force --env A- --label l- --port 80- --user '' --workdir '' --entrypoint '[]' --cmd one "$S:new" new >"$TMP/out"
same "config removes each parameter" '{"Env":["B=x=y"],"Labels":{},"ExposedPorts":{"53/udp":{}},"Cmd":["one"]}' \
  "$(config_of new | jq -c '.config | {Env: [.Env[] | select(startswith("A") or startswith("B"))], Labels, ExposedPorts, User, WorkingDir, Entrypoint, Cmd} | del(.[] | nulls)')"
same "the other image is unchanged" '["a b","c"]' "$(config_of twice | jq -c .config.Cmd)"
check "the new image is intact" "$LAYOUTFS" fsck "$S"
check "config changes only an annotation" "$LAYOUTFS" config --annotation note=x "$S:app:1.0" annotated
same "the annotation is in the manifest" x "$(layoutfs inspect --raw "$S:annotated" | jq -r .annotations.note)"

echo "-- an index of several platforms"
platforms() { layoutfs inspect --raw "$S:$1" | jq -c '[.manifests[]? | [.platform.architecture, .digest]]'; }
index_of() { jq -c '[.manifests[] | [.platform.architecture, .digest]]' "$S/blobs/$(layoutfs ref get "$S" "$1" | jq -r '.digest | sub(":"; "/")')"; }
layoutfs config --platform linux/s390x --env OTHER=1 "$S:multi" changed >"$TMP/out"
same "the new reference is an index of the same platforms" "$(index_of multi | jq -c 'map(.[0])')" "$(index_of changed | jq -c 'map(.[0])')"
same "only the chosen platform is changed" '["s390x"]' "$(jq -nc --argjson a "$(index_of multi)" --argjson b "$(index_of changed)" '[$a, $b] | transpose | map(select(.[0] != .[1]) | .[0][0])')"
same "the image of the platform has the new variable" '["OTHER=1"]' "$(layoutfs inspect --config --platform linux/s390x "$S:changed" | jq -c '[.config.Env[] | select(startswith("OTHER"))]')"

echo "-- refusals"
unchanged "config refuses an existing reference" 9 config --env A=1 "$S:app:1.0" new
unchanged "config refuses to change nothing" 2 config "$S:app:1.0" x
unchanged "config refuses to run without a reference" 2 config --env A=1 "$S:app:1.0"
unchanged "config refuses a variable without a value" 2 config --env A "$S:app:1.0" x
unchanged "config refuses a variable without a name" 2 config --env =1 "$S:app:1.0" x
unchanged "config refuses a port that is not a number" 2 config --port http "$S:app:1.0" x
unchanged "config refuses a port beyond 65535" 2 config --port 65536 "$S:app:1.0" x
unchanged "config refuses a relative working directory" 2 config --workdir w "$S:app:1.0" x
unchanged "config refuses invalid JSON" 2 config --cmd '["a"' "$S:app:1.0" x
unchanged "config refuses an array of numbers" 2 config --cmd '[1]' "$S:app:1.0" x
unchanged "config refuses text that is not UTF-8" 2 config --user $'\xff' "$S:app:1.0" x
unchanged "config refuses an unknown image" 3 config --env A=1 "$S:none" x
unchanged "config refuses an unknown platform" 3 config --platform linux/riscv64 --env A=1 "$S:multi" x
unchanged "config refuses a digest as the name" 2 config --env A=1 "$S:app:1.0" "$digest"
refused "config refuses an image in a registry" 6 config --env A=1 docker://127.0.0.1:1/x y
