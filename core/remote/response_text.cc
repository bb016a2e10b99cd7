#include "core/remote/response_text.h"

#include <algorithm>
#include <utility>

#include "core/base/base64.h"
#include "core/base/json.h"
#include "core/http/fields.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMaxErrorBody = std::size_t{64} << 10;
constexpr std::size_t kMaxErrorText = 200;

struct ToldError {
  RegistryCode code = RegistryCode::unknown;
  std::string message;
};

RegistryCode code_named(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(RegistryCode::range_invalid); ++i)
    if (const auto code = static_cast<RegistryCode>(i); wire_code(code) == name) return code;
  return RegistryCode::unknown;
}

// Returns the first error of the body, if it is a document of errors.
ToldError told_in(ByteView body) {
  const auto document = JsonDocument::parse(body, {.are_names_unique = false});
  if (!document || !document->root().is_object()) return {};
  const auto errors = document->root().find("errors");
  if (!errors || !errors->is_array() || errors->size() == 0) return {};
  const JsonValue first = errors->at(0);
  if (!first.is_object()) return {};
  ToldError told;
  if (const auto code = first.find("code"); code && code->as_string())
    told.code = code_named(*code->as_string());
  if (const auto message = first.find("message"); message && message->as_string())
    told.message = std::string(message->as_string()->substr(0, kMaxErrorText));
  return told;
}

RegistryCode code_of_status(int status) {
  switch (status) {
    case 401:
      return RegistryCode::unauthorized;
    case 403:
      return RegistryCode::denied;
    case 405:
      return RegistryCode::unsupported;
    case 429:
      return RegistryCode::too_many_requests;
    default:
      return RegistryCode::unknown;
  }
}

}  // namespace

Result<Bytes> read_all(ByteSource& content, std::size_t limit) {
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  Bytes all;
  for (;;) {
    const std::size_t had = all.size();
    all.resize(std::min(had + kPiece, limit + 1));
    const auto got = content.read(std::span(all).subspan(had));
    if (!got) return fail(Error(got.error()));
    all.resize(had + *got);
    if (all.size() > limit)
      return fail(Errc::unsupported, "the document has more than " + std::to_string(limit) + " bytes");
    if (*got == 0) return all;
  }
}

Error error_of_response(HttpResponse& response, const std::string& what, RegistryCode fallback) {
  const int status = response.status();
  const auto body = read_all(response, kMaxErrorBody);
  const ToldError told = body ? told_in(*body) : ToldError{};
  RegistryCode code = told.code;
  if (code == RegistryCode::unknown && status == 404) code = fallback;
  if (code == RegistryCode::unknown) code = code_of_status(status);
  std::string message = what + ": ";
  message += told.message.empty() ? "the registry answered with status " + std::to_string(status)
                                  : told.message + " (status " + std::to_string(status) + ")";
  return registry_error(code, std::move(message));
}

bool is_error_document(const HttpResponse& response) {
  const auto type = ContentType::parse(response.field("Content-Type").value_or(""));
  return type && (type->type == "application/json" || type->type.ends_with("+json"));
}

std::string basic_authorization(const Credentials& credentials) {
  const std::string pair = credentials.user + ":" + credentials.password;
  return "Basic " + base64(as_bytes(pair));
}

}  // namespace layoutfs
