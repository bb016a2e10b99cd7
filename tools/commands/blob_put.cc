// `layoutfs blob put`.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cas/verifying_source.h"
#include "tools/cli/files.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"
#include "tools/commands/blob.h"

namespace layoutfs::tools {
namespace {

struct BlobPutArguments {
  LayoutArguments layout;
  std::vector<std::string> files;
  std::string algorithm;  // empty: the algorithm of `expected`, else the default
  std::string expected;   // empty: any content
};

// The engine checks a digest of the algorithm that names the blob. A digest of another algorithm is checked
// here.
Result<PutResult> put_file(Engine& engine, ByteSource& file, const std::optional<Digest>& expected,
                           PutOptions options) {
  if (!expected) return engine.put_blob(file, options);
  if (expected->algorithm() == options.algorithm) {
    options.digest = *expected;
    return engine.put_blob(file, options);
  }
  VerifyingSource checked(file, *expected, std::nullopt);
  return engine.put_blob(checked, options);
}

int put_blobs(BlobPutArguments arguments, Output& output) {
  if (arguments.files.empty()) arguments.files.emplace_back("-");
  std::optional<Digest> expected;
  PutOptions options;
  if (!arguments.expected.empty()) {
    auto digest = parse_digest_operand(arguments.expected);
    if (!digest) return report(std::move(digest).error().with("--digest"));
    if (arguments.files.size() > 1)
      return report(Error(Errc::invalid_argument,
                          "--digest is for one file, not " + std::to_string(arguments.files.size())));
    options.algorithm = digest->algorithm();
    expected = std::move(*digest);
  }
  if (!arguments.algorithm.empty()) {
    const auto algorithm = find_algorithm(arguments.algorithm);
    if (!algorithm)
      return report(Error(Errc::invalid_argument,
                          "--algorithm " + arguments.algorithm + ": expected sha256 or sha512"));
    options.algorithm = *algorithm;
  }

  const auto layout = open_to_write(arguments.layout);
  if (!layout) return report_opening(layout.error());
  const StopSignals signals;
  options.context = signals.context();
  for (const std::string& path : arguments.files) {
    auto file = FileSource::open(path, signals.fd());
    if (!file) return report(file.error());
    auto stored = put_file(*layout->engine, *file, expected, options);
    if (!stored && file->has_failed()) return signals.report(stored.error());
    // Only a failed system call concerns the layout; other errors concern the content.
    const bool is_of_layout = !stored && stored.error().sys() != 0;
    if (!stored)
      return signals.report_write(is_of_layout ? written_to(std::move(stored).error(), layout->path)
                                               : std::move(stored).error().with(file->name()));
    output << stored->digest.str() << "\n";
    output.flush();
  }
  return kDone;
}

}  // namespace

void add_blob_put_command(Command blob, int& exit_code) {
  const auto arguments = std::make_shared<BlobPutArguments>();
  const Command command = blob.add_subcommand("put", "Store files as blobs and print their digests");
  command.example("layoutfs blob put ./img layer.tar.gz");
  command.example("generate | layoutfs blob put ./img", "from standard input");
  arguments->layout.add_options(command);
  command.add_option("FILE", arguments->files, "Files to store (default: -, standard input)");
  command
      .add_option("--algorithm", arguments->algorithm,
                  "Digest algorithm (default: that of --digest, or sha256)")
      .type_name("sha256|sha512");
  command.add_option("--digest,--expect", arguments->expected, "Store only content with this digest")
      .type_name("DIGEST");
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return put_blobs(std::move(*arguments), output); });
  });
}

}  // namespace layoutfs::tools
