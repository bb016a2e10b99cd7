// For tests: the output of workers in a registry (tests/faults/registry_worker.h), and checks that the
// registry is consistent with it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "layoutfs/documents.h"
#include "layoutfs/registry.h"
#include "tests/cas/stress.h"
#include "tests/faults/registry_worker.h"

namespace layoutfs::testing {

inline std::string all_of(Result<BlobReader> reader) {
  if (!reader) return reader.error().message();
  Bytes content(static_cast<std::size_t>(reader->size()));
  const auto got = reader->read_at(content, 0);
  return got && *got == content.size() ? std::string(as_text(content)) : "cannot be read";
}

// Returns the problem of a tag of kShop: its manifest must match the digest, with all descendants.
inline std::string image_problem(Registry& registry, const std::string& tag) {
  auto reader = registry.get_tag(kShop, tag);
  if (!reader) return tag + ": " + reader.error().message();
  const Digest digest = reader->descriptor().digest;
  const std::string text = all_of(std::move(reader));
  if (Digest::of(as_bytes(text)) != digest) return tag + " leads to another manifest";
  const auto manifest = Manifest::parse(as_bytes(text));
  if (!manifest) return tag + ": " + manifest.error().message();
  for (const Descriptor& layer : manifest->layers)
    if (const auto found = registry.resolve_blob(kShop, layer.digest); !found)
      return tag + ": " + found.error().message();
  return "";
}

// Facts of one worker arrive in order, facts of different workers in any order.
class Ledger {
 public:
  void add(const std::string& fact) {
    std::istringstream words(fact);
    std::string verb, subject, value;
    words >> verb >> subject >> value;
    if (verb.find("tag") != std::string::npos)
      add_to(tags_[subject], verb, value);
    else
      add_to(uploads_[subject], verb, value);
  }

  // Returns the problems of the tags of kShop; afterwards the current state counts.
  std::vector<std::string> check_tags(Registry& registry) {
    std::vector<std::string> problems;
    const auto listed = registry.tags(kShop);
    if (!listed) return {listed.error().message()};
    for (const std::string& tag : *listed) tags_[tag];
    for (auto& [tag, state] : tags_) {
      const auto found = registry.resolve_tag(kShop, tag);
      const bool is_listed = std::ranges::binary_search(*listed, tag);
      if (!found && registry_code(found.error()) != RegistryCode::manifest_unknown) {
        problems.push_back(tag + ": " + found.error().message());
        continue;
      }
      if (found.has_value() != is_listed) problems.push_back(tag + " is listed, or found, but not both");
      const std::string now = found ? found->digest.str() : "";
      // The last worker that moved a shared tag is unknown.
      const bool is_shared = tag.starts_with("shared-");
      if (is_shared ? now.empty()
                    : now != state.sure && std::ranges::find(state.perhaps, now) == state.perhaps.end())
        problems.push_back(tag + " is '" + now + "' and should be '" + state.sure + "'");
      if (found)
        if (auto problem = image_problem(registry, tag); !problem.empty()) problems.push_back(problem);
      state = {now, {}};
    }
    return problems;
  }

  // How many of the uploads that were checked were there, and were not any more: whether workers were ended
  // at moments that matter.
  int uploads_there() const { return there_; }
  int uploads_gone() const { return gone_; }

  // Returns the problems of the uploads of kShop, when no worker is running. Completes every second one, and
  // leaves the rest to be resumed.
  std::vector<std::string> check_uploads(Registry& registry, const std::string& layout) {
    std::vector<std::string> problems;
    // Includes the uploads of workers that were killed before they printed them.
    for (const std::string& id : upload_ids(layout)) uploads_[id];
    bool is_ended = false;
    for (auto upload = uploads_.begin(); upload != uploads_.end();) {
      is_ended = !is_ended;
      auto problem = check_upload(registry, upload->first, upload->second, is_ended);
      if (!problem.empty()) problems.push_back(upload->first + ": " + problem);
      ++(upload->second.is_there ? there_ : gone_);
      const bool is_left = !is_ended && upload->second.is_there;
      upload = is_left ? std::next(upload) : uploads_.erase(upload);
    }
    return problems;
  }

 private:
  struct Tag {
    std::string sure;                  // the digest; empty for none
    std::vector<std::string> perhaps;  // other permitted states
  };
  struct Upload {
    std::uint64_t least = 0, most = 0;  // bytes
    int commits = 0;                    // that may have been successful
    bool is_committed = false, may_be_cancelled = false, is_cancelled = false;
    bool is_there = false;  // as of the last check
  };

  static void add_to(Tag& tag, const std::string& verb, const std::string& value) {
    if (verb == "tagging" || verb == "untagging")
      tag.perhaps.push_back(value);
    else  // tagged, untagged
      tag = {value, {}};
  }
  static void add_to(Upload& upload, const std::string& verb, const std::string& value) {
    if (verb == "wrote") upload.least = std::max<std::uint64_t>(upload.least, std::stoull(value));
    if (verb == "writing") upload.most = std::max<std::uint64_t>(upload.most, std::stoull(value));
    if (verb == "committing") ++upload.commits;
    if (verb == "lost") --upload.commits;
    if (verb == "committed") upload.is_committed = true;
    if (verb == "cancelling") upload.may_be_cancelled = true;
    if (verb == "cancelled") upload.is_cancelled = true;
  }

  static std::string check_upload(Registry& registry, const std::string& id, Upload& state, bool to_the_end) {
    const std::string content = upload_content(id);
    const auto digest = Digest::of(as_bytes(content));
    const auto is_blob = [&] { return all_of(registry.get_blob(kShop, digest)) == content; };
    auto writer = registry.push_blob_chunked_resume(kShop, id, -1);
    state.is_there = writer.has_value();
    if (!writer) {
      if (registry_code(writer.error()) != RegistryCode::blob_upload_unknown) return writer.error().message();
      if (state.is_cancelled) return "";
      if (state.commits > 0 && is_blob()) return "";
      return state.may_be_cancelled ? "" : "is gone, and so is what was written";
    }
    if (state.is_committed || state.is_cancelled) return "is still there";
    const auto size = (*writer)->size();
    if (size < state.least || size > std::max(state.least, state.most))
      return "has " + std::to_string(size) + " bytes, not " + std::to_string(state.least) + " to " +
             std::to_string(state.most);
    state = {.least = size, .most = size, .is_there = true};
    if (!to_the_end) return (*writer)->close() ? "" : "cannot be closed";
    if (auto written = (*writer)->write(as_bytes(std::string_view(content).substr(size))); !written)
      return written.error().message();
    if (const auto committed = (*writer)->commit(digest); !committed) return committed.error().message();
    return is_blob() ? "" : "was committed, and is not there";
  }

  std::map<std::string, Tag> tags_;
  std::map<std::string, Upload> uploads_;
  int there_ = 0, gone_ = 0;
};

// Returns the problems of all blobs of a layout.
inline std::vector<std::string> blob_problems(const std::string& layout) {
  const auto engine = open_dir(layout);
  if (!engine) return {engine.error().message()};
  const auto blobs = (*engine)->list_all_blobs();
  if (!blobs) return {blobs.error().message()};
  std::vector<std::string> problems;
  for (const Digest& digest : *blobs)
    if (auto problem = content_problem(**engine, digest); !problem.empty()) problems.push_back(problem);
  return problems;
}

}  // namespace layoutfs::testing
