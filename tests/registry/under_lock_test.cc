// What a push checks again once it has the lock of the layout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "tests/registry/fixture.h"
#include "tests/support/held_lock.h"

namespace layoutfs {
namespace {

using testing::failure_of;
using testing::HeldLock;
using testing::kConfigType;
using testing::kManifestType;
using testing::kTarType;
using testing::push_text;
using testing::try_push_manifest;

class UnderTheLock : public testing::OneLayout {};

TEST_F(UnderTheLock, AManifestWhoseLayerWasCollectedMeanwhileIsRefused) {
  const Descriptor config = push_text(*registry, kApp, "{}", kConfigType);
  const Descriptor layer = push_text(*registry, kApp, "layer", kTarType);
  const std::string text = testing::manifest_text(config, {layer});
  Result<Descriptor> pushed;
  {
    HeldLock lock(path);
    ASSERT_TRUE(lock.is_held());
    std::jthread writer(
        [&] { pushed = try_push_manifest(*registry, kApp, text, kManifestType, {"latest"}); });
    // It has checked the manifest, and put it.
    ASSERT_TRUE(lock.has_waiter());
    ASSERT_TRUE(std::filesystem::exists(path + "/" + Digest::of(as_bytes(text)).blob_path()));
    std::filesystem::remove(path + "/" + layer.digest.blob_path());
    lock.release();
  }
  EXPECT_EQ(failure_of(pushed), Errc::manifest_invalid);
  EXPECT_EQ(failure_of(registry->resolve_tag(kApp, "latest")), Errc::name_unknown);
}

}  // namespace
}  // namespace layoutfs
