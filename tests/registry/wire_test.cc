// What a server answers, held against the tables of the distribution specification.
#include "core/registry/wire.h"

#include "core/base/digest.h"
#include "core/oci/repository_names.h"

#include <gtest/gtest.h>

namespace layoutfs {
namespace {

struct Row {
  Errc code;
  std::string_view wire;
  int status;
};

TEST(AnErrorOnTheWire, HasTheCodeAndTheStatusOfTheSpecification) {
  for (const auto& [code, wire, status] : {
           Row{Errc::blob_unknown, "BLOB_UNKNOWN", 404},
           Row{Errc::blob_upload_invalid, "BLOB_UPLOAD_INVALID", 416},
           Row{Errc::blob_upload_unknown, "BLOB_UPLOAD_UNKNOWN", 404},
           Row{Errc::digest_invalid, "DIGEST_INVALID", 400},
           Row{Errc::manifest_blob_unknown, "MANIFEST_BLOB_UNKNOWN", 404},
           Row{Errc::manifest_invalid, "MANIFEST_INVALID", 400},
           Row{Errc::manifest_unknown, "MANIFEST_UNKNOWN", 404},
           Row{Errc::name_invalid, "NAME_INVALID", 400},
           Row{Errc::name_unknown, "NAME_UNKNOWN", 404},
           Row{Errc::size_invalid, "SIZE_INVALID", 400},
           Row{Errc::unauthorized, "UNAUTHORIZED", 401},
           Row{Errc::denied, "DENIED", 403},
           Row{Errc::unsupported, "UNSUPPORTED", 400},
           Row{Errc::too_many_requests, "TOOMANYREQUESTS", 429},
           Row{Errc::range_invalid, "RANGE_INVALID", 416},
           Row{Errc::referenced, "DENIED", 403},
       }) {
    EXPECT_EQ(wire_code(code), wire);
    EXPECT_EQ(http_status(code), status) << wire;
  }
}

TEST(AnErrorOnTheWire, IsUnknownWhereTheSpecificationHasNoCode) {
  for (const Errc code :
       {Errc::invalid_argument, Errc::not_found, Errc::invalid_image, Errc::ambiguous, Errc::corrupt,
        Errc::mount_failed, Errc::clobber, Errc::already_exists, Errc::closed, Errc::cancelled, Errc::io}) {
    EXPECT_EQ(wire_code(code), "UNKNOWN") << static_cast<int>(code);
    EXPECT_EQ(http_status(code), 500) << static_cast<int>(code);
  }
}

TEST(AnErrorOnTheWire, IsTheClientsForAMalformedDigest) {
  for (const char* text : {"", "sha256", "sha256:", "sha256:xyz", "SHA256:00", "../../etc/passwd"}) {
    const auto digest = Digest::parse(text);
    ASSERT_FALSE(digest);
    EXPECT_EQ(wire_code(digest.error().code()), "DIGEST_INVALID") << text;
    EXPECT_EQ(http_status(digest.error().code()), 400) << text;
    const auto reference = RegistryReference::parse_relative(std::string("app@") + text);
    ASSERT_FALSE(reference);
    EXPECT_EQ(http_status(reference.error().code()), 400) << text;
  }
}

}  // namespace
}  // namespace layoutfs
