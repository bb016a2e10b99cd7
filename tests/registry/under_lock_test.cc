// Checks that a push repeats after it has taken the layout's lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
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
using testing::registry_failure_of;
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
  EXPECT_EQ(registry_failure_of(pushed), RegistryCode::manifest_invalid);
  EXPECT_EQ(registry_failure_of(registry->resolve_tag(kApp, "latest")), RegistryCode::name_unknown);
}

TEST_F(UnderTheLock, AChangeWaitsWhileItsContextLasts) {
  const Descriptor config = push_text(*registry, kApp, "{}", kConfigType);
  const std::string text = testing::manifest_text(config, {});
  const auto pushed = try_push_manifest(*registry, kApp, text, kManifestType, {"latest"});
  ASSERT_TRUE(pushed);
  HeldLock lock(path);
  ASSERT_TRUE(lock.is_held());
  const auto soon = [] {
    return Context{.stop = {}, .deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20)};
  };
  EXPECT_EQ(failure_of(registry->push_manifest(kApp, as_bytes(text), kManifestType,
                                               {.digest = {}, .tags = {"next"}, .context = soon()})),
            Errc::cancelled);
  EXPECT_EQ(failure_of(registry->delete_tag(kApp, "latest", soon())), Errc::cancelled);
  EXPECT_EQ(failure_of(registry->delete_manifest(kApp, pushed->digest, soon())), Errc::cancelled);
  EXPECT_EQ(testing::must(registry->tags(kApp)), std::vector<std::string>{"latest"});
}

TEST_F(UnderTheLock, WhatWalksEndsWithItsContext) {
  const Descriptor config = push_text(*registry, kApp, "{}", kConfigType);
  const auto pushed =
      try_push_manifest(*registry, kApp, testing::manifest_text(config, {}), kManifestType, {"latest"});
  ASSERT_TRUE(pushed);
  std::stop_source source;
  source.request_stop();
  const Context stopped{.stop = source.get_token(), .deadline = {}};
  EXPECT_EQ(failure_of(registry->resolve_manifest(kApp, pushed->digest, stopped)), Errc::cancelled);
  EXPECT_EQ(failure_of(registry->get_manifest(kApp, pushed->digest, stopped)), Errc::cancelled);
  EXPECT_EQ(failure_of(registry->resolve_tag(kApp, "latest", stopped)), Errc::cancelled);
  EXPECT_EQ(failure_of(registry->get_tag(kApp, "latest", stopped)), Errc::cancelled);
  EXPECT_EQ(failure_of(registry->tags(kApp, {}, stopped)), Errc::cancelled);
  EXPECT_EQ(failure_of(registry->repositories({}, stopped)), Errc::cancelled);
  EXPECT_EQ(failure_of(registry->referrers(kApp, pushed->digest, {}, stopped)), Errc::cancelled);
}

}  // namespace
}  // namespace layoutfs
