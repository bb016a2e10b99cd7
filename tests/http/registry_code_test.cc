// The answers of a server, compared with the tables of the distribution specification.
#include "layoutfs/registry_code.h"

#include <gtest/gtest.h>

#include "core/oci/repository_names.h"
#include "layoutfs/digest.h"

namespace layoutfs {
namespace {

struct Row {
  RegistryCode code;
  std::string_view wire;
  int status;
};

constexpr Row kSpecified[] = {
    {RegistryCode::blob_unknown, "BLOB_UNKNOWN", 404},
    {RegistryCode::blob_upload_invalid, "BLOB_UPLOAD_INVALID", 416},
    {RegistryCode::blob_upload_unknown, "BLOB_UPLOAD_UNKNOWN", 404},
    {RegistryCode::digest_invalid, "DIGEST_INVALID", 400},
    {RegistryCode::manifest_blob_unknown, "MANIFEST_BLOB_UNKNOWN", 404},
    {RegistryCode::manifest_invalid, "MANIFEST_INVALID", 400},
    {RegistryCode::manifest_unknown, "MANIFEST_UNKNOWN", 404},
    {RegistryCode::name_invalid, "NAME_INVALID", 400},
    {RegistryCode::name_unknown, "NAME_UNKNOWN", 404},
    {RegistryCode::size_invalid, "SIZE_INVALID", 400},
    {RegistryCode::unauthorized, "UNAUTHORIZED", 401},
    {RegistryCode::denied, "DENIED", 403},
    {RegistryCode::unsupported, "UNSUPPORTED", 400},
    {RegistryCode::too_many_requests, "TOOMANYREQUESTS", 429},
    {RegistryCode::range_invalid, "RANGE_INVALID", 416},
    {RegistryCode::unknown, "UNKNOWN", 500},
};

TEST(ARegistryCode, HasTheNameAndTheStatusOfTheSpecification) {
  for (const auto& [code, wire, status] : kSpecified) {
    EXPECT_EQ(wire_code(code), wire);
    EXPECT_EQ(http_status(code), status) << wire;
  }
}

TEST(ARegistryCode, StaysWithItsErrorBehindAnyContext) {
  for (const auto& [code, wire, status] : kSpecified) {
    const Error error = registry_error(code, "sentence").with("context");
    EXPECT_EQ(registry_code(error), code) << wire;
    EXPECT_EQ(error.detail(), code) << wire;
    EXPECT_EQ(error.detail().message(), wire);
    EXPECT_EQ(error.message(), "context: sentence");
  }
  EXPECT_NE(registry_error(RegistryCode::denied, "x").detail(), RegistryCode::unauthorized);
  EXPECT_FALSE(Error(Errc::denied, "x").detail());
}

TEST(ARegistryCode, HasAGeneralKind) {
  for (const auto& [code, kind] : {
           std::pair(RegistryCode::blob_unknown, Errc::not_found),
           {RegistryCode::blob_upload_invalid, Errc::upload_busy},
           {RegistryCode::blob_upload_unknown, Errc::upload_unknown},
           {RegistryCode::digest_invalid, Errc::digest_invalid},
           {RegistryCode::manifest_blob_unknown, Errc::invalid_image},
           {RegistryCode::manifest_invalid, Errc::invalid_image},
           {RegistryCode::manifest_unknown, Errc::not_found},
           {RegistryCode::name_invalid, Errc::invalid_argument},
           {RegistryCode::name_unknown, Errc::not_found},
           {RegistryCode::size_invalid, Errc::size_invalid},
           {RegistryCode::unauthorized, Errc::denied},
           {RegistryCode::denied, Errc::denied},
           {RegistryCode::unsupported, Errc::unsupported},
           {RegistryCode::too_many_requests, Errc::io},
           {RegistryCode::range_invalid, Errc::invalid_argument},
       })
    EXPECT_EQ(registry_error(code, "x").code(), kind) << wire_code(code);
}

TEST(ARegistryCode, OfAGeneralErrorIsThatOfTheSpecification) {
  for (const auto& [kind, code] : {
           std::pair(Errc::digest_invalid, RegistryCode::digest_invalid),
           {Errc::size_invalid, RegistryCode::size_invalid},
           {Errc::upload_unknown, RegistryCode::blob_upload_unknown},
           {Errc::upload_busy, RegistryCode::blob_upload_invalid},
           {Errc::denied, RegistryCode::denied},
           {Errc::unsupported, RegistryCode::unsupported},
       })
    EXPECT_EQ(registry_code(Error(kind, "x")), code) << wire_code(code);
}

TEST(ARegistryCode, IsUnknownIfTheSpecificationHasNone) {
  for (const Errc code :
       {Errc::invalid_argument, Errc::not_found, Errc::invalid_image, Errc::ambiguous, Errc::corrupt,
        Errc::mount_failed, Errc::clobber, Errc::already_exists, Errc::closed, Errc::cancelled, Errc::io,
        Errc::failed_precondition, Errc::bad_partial_request, Errc::partial_fallback, Errc::unexpected_eof})
    EXPECT_EQ(registry_code(Error(code, "x")), RegistryCode::unknown) << static_cast<int>(code);
  const Error other(Errc::not_found, "x", std::make_error_code(std::errc::no_such_file_or_directory));
  EXPECT_EQ(registry_code(other), RegistryCode::unknown) << "a detail of another domain";
}

TEST(ARegistryCode, BlamesTheClientForAMalformedDigest) {
  for (const char* text : {"", "sha256", "sha256:", "sha256:xyz", "SHA256:00", "../../etc/passwd"}) {
    const auto digest = Digest::parse(text);
    ASSERT_FALSE(digest);
    EXPECT_EQ(registry_code(digest.error()), RegistryCode::digest_invalid) << text;
    const auto reference = RegistryReference::parse_relative(std::string("app@") + text);
    ASSERT_FALSE(reference);
    EXPECT_EQ(http_status(registry_code(reference.error())), 400) << text;
  }
}

}  // namespace
}  // namespace layoutfs
