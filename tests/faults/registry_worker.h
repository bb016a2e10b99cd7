// For tests: a worker in a registry that prints each step before and after it, so that others can check the
// state after it was killed at any time.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/open.h"
#include "layoutfs/registry.h"
#include "tests/support/documents.h"
#include "tests/support/store.h"

namespace layoutfs::testing {

// The repository of all workers, and the one from which they mount blobs.
inline constexpr std::string_view kShop = "work/shop", kStore = "work/store";
inline constexpr int kSharedTags = 4, kOwnTags = 6, kSharedLayers = 8;

// Returns the content of the upload `id`, for all writers.
inline std::string upload_content(std::string_view id) {
  std::minstd_rand random(static_cast<unsigned>(std::hash<std::string_view>()(id)));
  std::string content(1 + random() % 60'000, '\0');
  for (char& byte : content) byte = static_cast<char>(random());
  return content;
}

// The ids in a layout's folder of uploads.
inline std::vector<std::string> upload_ids(const std::string& layout) {
  std::vector<std::string> ids;
  std::error_code is_missing;
  for (const auto& file : std::filesystem::directory_iterator(layout + "/blobs/uploads", is_missing))
    ids.push_back(file.path().filename().string());
  std::ranges::sort(ids);
  return ids;
}

// The tag that any worker may move, and one that only `worker` touches.
inline std::string shared_tag(std::uint64_t number) { return "shared-" + std::to_string(number); }
inline std::string own_tag(std::string_view worker, std::uint64_t number) {
  return std::string(worker) + "-" + std::to_string(number);
}

class RegistryWorker {
 public:
  // Prints a fact: a verb and its object, for Ledger (tests/registry/ledger.h).
  using Say = std::function<void(const std::string& fact)>;

  // `layout` is that of kShop. All but the strings must outlive this.
  RegistryWorker(Registry& registry, std::string layout, std::string name, std::uint64_t seed, Say say)
      : registry_(registry),
        layout_(std::move(layout)),
        name_(std::move(name)),
        random_(seed),
        say_(std::move(say)) {}

  // Pushes an image, complete before it gets the tag `tag`.
  Status push_image(const std::string& tag, const std::string& note) {
    auto layer = push("layer " + std::to_string(random_() % kSharedLayers), kTarType);
    if (!layer) return fail(std::move(layer).error());
    auto own_layer = push(note, kTarType);
    if (!own_layer) return fail(std::move(own_layer).error());
    auto config = push("{}", kConfigType);
    if (!config) return fail(std::move(config).error());
    const std::string text = manifest_text(*config, {*layer, *own_layer});
    say_("tagging " + tag + " " + Digest::of(as_bytes(text)).str());
    const auto pushed =
        registry_.push_manifest(kShop, as_bytes(text), kManifestType, {.digest = {}, .tags = {tag}});
    if (!pushed) return fail(Error(pushed.error()), "pushing " + tag);
    say_("tagged " + tag + " " + pushed->digest.str());
    return {};
  }

  Status do_something() {
    switch (random_() % 10) {
      case 0:
        return push_image(shared_tag(random_() % kSharedTags), name_ + " " + std::to_string(random_()));
      case 1:
      case 2:
        return push_image(own_tag(name_, random_() % kOwnTags), name_ + " " + std::to_string(random_()));
      case 3:
        return delete_own();
      case 4:
        return begin_upload();
      case 5:
      case 6:
      case 7:
        return go_on_with_an_upload();
      case 8:
        return mount();
      default:
        return clean();
    }
  }

 private:
  Result<Descriptor> push(const std::string& text, std::string_view media_type) {
    MemorySource content(as_bytes(text));
    auto pushed = registry_.push_blob(kShop, descriptor_of(text, media_type), content);
    if (!pushed) return fail(std::move(pushed).error(), "pushing " + text);
    return pushed;
  }

  Status delete_own() {
    const std::string tag = own_tag(name_, random_() % kOwnTags);
    say_("untagging " + tag);
    auto deleted = registry_.delete_tag(kShop, tag);
    if (!deleted && registry_code(deleted.error()) != RegistryCode::manifest_unknown)
      return fail(std::move(deleted).error(), "deleting " + tag);
    say_("untagged " + tag);
    return {};
  }

  // Writes a part of the remaining content.
  Status write_some(BlobWriter& writer) {
    const std::string content = upload_content(writer.id());
    if (writer.size() > content.size()) return fail(Errc::corrupt, "upload " + writer.id() + " is too long");
    const auto rest = std::string_view(content).substr(static_cast<std::size_t>(writer.size()));
    const auto piece = rest.substr(0, 1 + random_() % (content.size() / 2 + 1));
    say_("writing " + writer.id() + " " + std::to_string(writer.size() + piece.size()));
    if (auto written = writer.write(as_bytes(piece)); !written)
      return fail(std::move(written).error(), "writing to " + writer.id());
    say_("wrote " + writer.id() + " " + std::to_string(writer.size()));
    return {};
  }

  Status begin_upload() {
    auto writer = registry_.push_blob_chunked(kShop);
    if (!writer) return fail(std::move(writer).error(), "beginning an upload");
    say_("wrote " + (*writer)->id() + " 0");
    if (auto written = write_some(**writer); !written) return written;
    return (*writer)->close();
  }

  Status go_on_with_an_upload() {
    const auto ids = upload_ids(layout_);
    if (ids.empty()) return begin_upload();
    auto writer = registry_.push_blob_chunked_resume(kShop, ids[random_() % ids.size()], -1);
    // Others may have it, or have ended it.
    if (!writer && (registry_code(writer.error()) == RegistryCode::blob_upload_invalid ||
                    registry_code(writer.error()) == RegistryCode::blob_upload_unknown))
      return {};
    if (!writer) return fail(std::move(writer).error(), "resuming an upload");
    if (random_() % 8 == 0) return cancel(**writer);
    const std::string content = upload_content((*writer)->id());
    if ((*writer)->size() < content.size())
      if (auto written = write_some(**writer); !written) return written;
    return (*writer)->size() == content.size() ? commit(**writer, content) : (*writer)->close();
  }

  Status cancel(BlobWriter& writer) {
    say_("cancelling " + writer.id());
    if (auto cancelled = writer.cancel(); !cancelled)
      return fail(std::move(cancelled).error(), "cancelling " + writer.id());
    say_("cancelled " + writer.id());
    return {};
  }

  Status commit(BlobWriter& writer, const std::string& content) {
    if (random_() % 4 == 0) {
      auto refused = writer.commit(Digest::of({}));
      if (refused) return fail(Errc::corrupt, "upload " + writer.id() + " was taken for an empty blob");
      if (refused.error().code() != Errc::digest_invalid && !is_taken(refused.error()))
        return fail(std::move(refused).error(), "committing " + writer.id() + " as another blob");
    }
    say_("committing " + writer.id());
    auto committed = writer.commit(Digest::of(as_bytes(content)));
    if (committed) {
      say_("committed " + writer.id());
      return {};
    }
    if (!is_taken(committed.error())) return fail(std::move(committed).error(), "committing " + writer.id());
    say_("lost " + writer.id());
    return {};
  }

  // A commit releases the upload first: another worker may be faster.
  static bool is_taken(const Error& error) {
    return registry_code(error) == RegistryCode::blob_upload_invalid ||
           registry_code(error) == RegistryCode::blob_upload_unknown || error.code() == Errc::size_invalid;
  }

  Status mount() {
    const auto layer = push("layer " + std::to_string(random_() % kSharedLayers), kTarType);
    if (!layer) return fail(Error(layer.error()));
    auto mounted = registry_.mount_blob(kShop, kStore, layer->digest);
    if (!mounted) return fail(std::move(mounted).error(), "mounting " + layer->digest.str());
    auto found = registry_.resolve_blob(kStore, layer->digest);
    if (!found) return fail(std::move(found).error(), "mounted");
    return {};
  }

  Status clean() {
    const auto engine = open_dir(layout_);
    if (!engine) return fail(Error(engine.error()), "opening the layout");
    return (*engine)->clean();
  }

  Registry& registry_;
  const std::string layout_, name_;
  std::mt19937_64 random_;
  Say say_;
};

}  // namespace layoutfs::testing
