// The templates of --format: the part of Go's text/template that scripts use with docker, podman and skopeo.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// Returns `text` with each action replaced by a value of `document`:
//   {{.a.b.0}}           a member of a member, or an element of an array; {{.}} is the document
//   {{json .a}}          the same as JSON
//   {{index .a "b" 0}}   members with names that are not words
//   {{range .a}}...{{end}}  the text between them, once per element or member, which becomes {{.}}
// Strings are written without quotes, everything else as JSON. If no member has exactly the given name, a
// member whose name differs only in case is used. Outside of actions, \n, \t and \\ are a line break, a tab
// and a backslash. Errc::invalid_argument if the template is malformed; Errc::not_found, naming it, if a
// member is missing.
Result<std::string> fill_template(std::string_view text, JsonValue document);

}  // namespace layoutfs::tools
