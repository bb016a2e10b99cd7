// `layoutfs blob get`.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "core/cas/find_digest.h"
#include "core/cas/verifying_source.h"
#include "tools/cli/byte_range.h"
#include "tools/cli/files.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"
#include "tools/commands/blob.h"

namespace layoutfs::tools {
namespace {

struct BlobGetArguments {
  LayoutArguments layout;
  std::string digest;
  std::string output;  // empty: standard output
  std::string offset;
  std::string length;
  std::string range;
};

struct Piece {
  std::uint64_t offset = 0;
  std::uint64_t length = std::numeric_limits<std::uint64_t>::max();
};

// Returns nullopt for the whole blob. `size` in bytes.
Result<std::optional<Piece>> piece_of(const BlobGetArguments& arguments, std::uint64_t size) {
  Piece piece;
  if (!arguments.range.empty()) {
    const auto range = parse_byte_range(arguments.range);
    if (!range) return fail(Error(range.error()));
    const auto part = part_of(*range, arguments.range, size);
    if (!part) return fail(Error(part.error()));
    return Piece{part->begin, part->end - part->begin};
  }
  for (const auto& [option, text, value] : {std::tuple("--offset", &arguments.offset, &piece.offset),
                                            {"--length", &arguments.length, &piece.length}}) {
    if (text->empty()) continue;
    const auto number = parse_count(option, *text);
    if (!number) return fail(Error(number.error()));
    *value = *number;
  }
  if (arguments.offset.empty() && arguments.length.empty()) return std::nullopt;
  if (piece.offset > size)
    return fail(Errc::invalid_argument, "--offset " + arguments.offset + ": outside of the blob, which has " +
                                            count_of(size, "byte"));
  return piece;
}

// Copies at most `length` bytes from `content` to `target`.
int copy_blob(ByteSource& content, std::uint64_t length, OutputFile& target, const std::string& layout,
              const StopSignals& signals) {
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  Bytes buffer(kPiece);
  while (length > 0) {
    if (auto going_on = signals.context().check(); !going_on) return signals.report(going_on.error());
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, length));
    auto got = content.read(std::span(buffer).first(wanted));
    if (!got) return report(std::move(got).error().with(layout));
    if (*got == 0) break;
    if (auto written = target.write(std::span(buffer).first(*got)); !written)
      return report_write(written.error());
    length -= *got;
  }
  return kDone;
}

int copy_blob(const BlobPtr& blob, const Digest& digest, const std::optional<Piece>& piece,
              OutputFile& target, const std::string& layout, const StopSignals& signals) {
  BlobSource content(blob, piece ? piece->offset : 0);
  if (piece) return copy_blob(content, piece->length, target, layout, signals);
  VerifyingSource verified(content, digest, blob->size());
  return copy_blob(verified, std::numeric_limits<std::uint64_t>::max(), target, layout, signals);
}

int get_blob(const BlobGetArguments& arguments) {
  // Reports mistakes in the options first; only a range outside the blob needs its size.
  if (const auto piece = piece_of(arguments, std::numeric_limits<std::uint64_t>::max()); !piece)
    return report(piece.error());
  const auto layout = open_to_read(arguments.layout);
  if (!layout) return report(layout.error());
  const auto digest = of_operand(find_digest(*layout->reader, arguments.digest));
  if (!digest) return report(Error(digest.error()).with(layout->path));
  auto blob = layout->reader->get_blob(*digest);
  if (!blob) return report(std::move(blob).error().with(layout->path));
  const auto piece = piece_of(arguments, (*blob)->size());
  if (!piece) return report(piece.error());
  const StopSignals signals;
  auto target = arguments.output.empty() ? Result<OutputFile>(OutputFile::standard_output())
                                         : OutputFile::create(arguments.output);
  if (!target) {
    print_error(target.error());
    return kCannotWrite;
  }
  if (const int code = copy_blob(*blob, *digest, *piece, *target, layout->path, signals); code != kDone)
    return code;
  if (auto done = target->commit(); !done) return report_write(done.error());
  return kDone;
}

}  // namespace

void add_blob_get_command(Command blob, int& exit_code) {
  const auto arguments = std::make_shared<BlobGetArguments>();
  const Command command = blob.add_subcommand("get", "Print a blob and verify its digest");
  command.example("layoutfs blob get ./img sha256:5b0bcabd...", "to standard output");
  command.example("layoutfs blob get -o config.json ./img sha256:5b0bcabd...");
  arguments->layout.add_options(command);
  command.add_option("DIGEST", arguments->digest, "").required();
  command.add_option("-o,--output", arguments->output, "Write to FILE, created only after verification")
      .type_name("FILE")
      .group(kOutputGroup);
  const Option offset =
      command.add_option("--offset", arguments->offset, "Start at byte N; parts are not verified")
          .type_name("N");
  const Option length =
      command.add_option("--length", arguments->length, "Print N bytes; parts are not verified")
          .type_name("N");
  command
      .add_option("--range", arguments->range, "Print bytes FIRST to LAST (from 0); parts are not verified")
      .type_name("FIRST-LAST")
      .excludes(offset)
      .excludes(length);
  command.callback([arguments, &exit_code] { exit_code = get_blob(*arguments); });
}

}  // namespace layoutfs::tools
