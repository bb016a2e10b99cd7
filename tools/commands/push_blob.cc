// Sends a blob in chunks.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/base/hash_pipe.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"
#include "tools/commands/push.h"

namespace layoutfs::tools {
namespace {

// Prints the upload's ID, with which another process can resume it: at once, or if the upload takes longer
// than a second.
class Announcement {
 public:
  Announcement(const BlobWriter& writer, bool is_immediate) {
    std::string line = "upload " + writer.id();
    if (writer.size() > 0) line += ", which has " + count_of(writer.size(), "byte");
    line += ": if interrupted, resume with --resume " + writer.id();
    if (is_immediate) {
      print_notice(line);
      return;
    }
    try {
      thread_ = std::jthread([line](const std::stop_token& stop) {
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any stopped;
        if (!stopped.wait_for(lock, stop, std::chrono::seconds(1), [&] { return stop.stop_requested(); }))
          print_notice(line);
      });
    } catch (const std::system_error&) {  // too many threads
      print_notice(line);
    }
  }

 private:
  std::jthread thread_;
};

class Sender {
 public:
  Sender(const BlobPush& push, BlobWriter& writer, FileSource& content, const StopSignals& signals)
      : push_(push),
        writer_(writer),
        content_(content),
        signals_(signals),
        progress_("sending", !push.is_progress_hidden),
        chunk_(std::make_unique_for_overwrite<std::byte[]>(push.chunk_size)) {
    if (push.digest.empty() && !push.resumed.empty()) hashes_.emplace(kBlobAlgorithm);
  }

  // Sends the content, except for the bytes that the upload has. Returns its digest: that of the push if it
  // has one.
  Result<Digest> send() {
    if (push_.is_from_start)
      if (auto passed = pass_over(writer_.size()); !passed) return fail(std::move(passed).error());
    for (bool is_end = false; !is_end;) {
      // The received bytes are kept even after an error: a pipe cannot be read again.
      std::size_t filled = 0;
      const Status read = fill(push_.chunk_size, filled);
      if (auto written = writer_.write(hashed(filled)); !written) return fail(std::move(written).error());
      if (!read) return fail(Error(read.error()));
      is_end = filled < push_.chunk_size;
    }
    if (hashes_) return hashes_->finish();
    return push_.digest.empty() ? writer_.digest(signals_.context()) : push_.digest;
  }

 private:
  // Reads up to `size` bytes of the content into the chunk; fewer at the end, or before an error.
  Status fill(std::size_t size, std::size_t& filled) {
    while (filled < size) {
      if (auto going_on = signals_.context().check(); !going_on) return going_on;
      const auto wanted = std::min(size - filled, kRead);
      const auto got = content_.read({chunk_.get() + filled, wanted});
      if (!got) return fail(Error(got.error()));
      if (*got == 0) return {};
      filled += *got;
      progress_.update("", writer_.size() + filled, content_.size().value_or(0));
    }
    return {};
  }

  // Returns the first `size` bytes of the chunk, after hashing them.
  ByteView hashed(std::size_t size) {
    const ByteView content(chunk_.get(), size);
    for (ByteView left = content; hashes_ && !left.empty();) {
      const auto piece = hashes_->buffer();
      const auto taken = std::min(piece.size(), left.size());
      copy_bytes(left.first(taken), piece);
      hashes_->submit(taken);
      left = left.subspan(taken);
    }
    return content;
  }

  Status pass_over(std::uint64_t size) {
    for (std::uint64_t passed = 0; passed < size;) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(push_.chunk_size, size - passed));
      std::size_t filled = 0;
      if (auto read = fill(wanted, filled); !read) return read;
      if (filled < wanted)
        return fail(Errc::size_invalid, content_.name() + ": has " + count_of(passed + filled, "byte") +
                                            ", fewer than the " + std::to_string(size) +
                                            " of the upload; resume it with the content that began it");
      hashed(filled);
      passed += filled;
    }
    return {};
  }

  static constexpr std::size_t kRead = std::size_t{256} << 10;

  const BlobPush& push_;
  BlobWriter& writer_;
  FileSource& content_;
  const StopSignals& signals_;
  Progress progress_;
  std::unique_ptr<std::byte[]> chunk_;  // unused pages take no memory
  std::optional<HashPipe> hashes_;      // set if the upload may begin with other content
};

int break_off(const Error& error, bool is_of_content, BlobWriter& writer, const BlobPush& push,
              const StopSignals& signals) {
  const bool is_nothing = writer.size() == 0 && push.resumed.empty();
  if (is_nothing) ignore(writer.cancel(), "the first error is reported, and clean removes the upload later");
  if (is_nothing || error.code() == Errc::upload_unknown)
    return is_of_content ? signals.report(error) : signals.report_write(error);
  const std::string after =
      "; the upload has " + count_of(writer.size(), "byte") + "; resume with --resume " + writer.id();
  const StopSignals::Frame frame{"push: ", after};
  return is_of_content ? signals.report(error, frame) : signals.report_write(error, frame);
}

}  // namespace

int push_blob(const RegistryStore& store, const BlobPush& push, FileSource& content,
              const StopSignals& signals, Output& output) {
  constexpr std::int64_t kWhereverItIs = -1;
  auto writer = push.resumed.empty() ? store.registry->push_blob_chunked(push.repository, push.chunk_size)
                                     : store.registry->push_blob_chunked_resume(
                                           push.repository, push.resumed, kWhereverItIs, push.chunk_size);
  if (!writer) return signals.report_write(store.explained(std::move(writer).error()));
  const Announcement announcement(**writer, push.is_verbose);
  const auto digest = Sender(push, **writer, content, signals).send();
  if (!digest) {
    const bool is_of_content = content.has_failed() || digest.error().code() == Errc::size_invalid;
    return break_off(is_of_content ? digest.error() : store.explained(digest.error()), is_of_content,
                     **writer, push, signals);
  }
  const auto blob = (*writer)->commit(*digest, signals.context());
  if (blob) {
    output << blob->digest.str() << "\n";
    return kDone;
  }
  if (blob.error().code() != Errc::digest_invalid)
    return break_off(store.explained(blob.error()), false, **writer, push, signals);
  // Resuming the upload cannot succeed.
  ignore((*writer)->cancel(), "the first error is reported, and clean removes the upload later");
  return report(Error(blob.error()).with(content.name()));
}

}  // namespace layoutfs::tools
