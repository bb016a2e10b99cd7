#include "core/remote/credential_helper.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/captured_program.h"
#include "core/base/json.h"
#include "core/base/utf8.h"

namespace layoutfs {
namespace {

constexpr std::string_view kHelperPrefix = "docker-credential-";
constexpr std::string_view kNotFoundMessage = "credentials not found in native keychain";
constexpr std::string_view kTokenUser = "<token>";  // the secret is an identity token
constexpr std::size_t kMaxShownLine = 200;          // bytes

bool is_helper_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string first_line(std::string_view text) {
  text = trimmed(text);
  return printable(text.substr(0, std::min(text.find('\n'), kMaxShownLine)));
}

// Returns why a program that has failed did so. By the protocol it says that on its standard output, which is
// only shown if it cannot contain credentials.
std::string reason_of(const CapturedProgram& run) {
  std::string line = first_line(run.errors);
  if (line.empty() && !run.output.contains('{')) line = first_line(run.output);
  return line.empty() ? "status " + std::to_string(run.status) : line;
}

std::string string_member(JsonValue object, std::string_view name) {
  const auto value = object.find(name);
  return std::string(value ? value->as_string().value_or("") : "");
}

}  // namespace

Result<std::optional<Credentials>> run_credential_helper(const std::string& name, const std::string& server,
                                                         const std::string& configured_in,
                                                         const Context& context) {
  if (!is_helper_name(name))
    return fail(Errc::invalid_argument, configured_in + ": invalid name of a credential helper");
  const std::string program = std::string(kHelperPrefix) + name;
  const auto denied = [&](const std::string& reason, const std::string& hint) {
    return fail(Error(Errc::denied, program + ": " + reason).with_hint(hint));
  };

  auto run = run_and_capture({program, "get"}, server, {}, context);
  if (!run) {
    if (run.error().code() == Errc::not_found)
      return denied("credential helper is not installed",
                    "install it, or remove '" + name + "' from " + configured_in);
    if (run.error().code() == Errc::unsupported) return denied("too much output", "check " + configured_in);
    if (run.error().code() == Errc::cancelled && context.check())
      return fail(Error(Errc::io, run.error().message())
                      .with_hint("check why '" + program + " get' does not end, e.g. a locked keyring"));
    return fail(std::move(run).error());
  }
  if (run->status != 0) {
    if (trimmed(run->output) == kNotFoundMessage || trimmed(run->errors) == kNotFoundMessage)
      return std::nullopt;
    return denied("no credentials for " + server + ": " + reason_of(*run),
                  "check the output of: printf %s " + server + " | " + program + " get");
  }
  const auto document = JsonDocument::parse(as_bytes(run->output), {.are_names_unique = false});
  if (!document || !document->root().is_object())
    return denied("its output is not a JSON object", "check that " + program + " is a credential helper");
  Credentials found{.source = program};
  std::string user = string_member(document->root(), "Username");
  std::string secret = string_member(document->root(), "Secret");
  if (user == kTokenUser) {
    found.identity_token = std::move(secret);
  } else {
    found.user = std::move(user);
    found.password = std::move(secret);
  }
  if (found.is_anonymous()) return std::nullopt;
  return found;
}

}  // namespace layoutfs
