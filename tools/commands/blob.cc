// `layoutfs blob`: ls, rm and path.
#include "tools/commands/blob.h"

#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/cas/find_digest.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct BlobListArguments {
  LayoutArguments layout;
  bool is_long = false;
  bool is_json = false;
};

struct PathArguments {
  LayoutArguments layout;
  std::string digest;
};

int list_blobs(const BlobListArguments& arguments, Output& output) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto layout = open_to_read(arguments.layout);
  if (!layout) return report(layout.error());
  auto digests = layout->reader->list_all_blobs();
  if (!digests) return report(std::move(digests).error().with(layout->path));
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion).key("blobs").begin_array();
  for (const Digest& digest : *digests) {
    if (!arguments.is_long && !arguments.is_json) {
      output.digest(digest) << "\n";
      continue;
    }
    auto status = layout->reader->blob_status(digest);
    if (!status) return report(std::move(status).error().with(layout->path));
    if (!*status) continue;  // deleted since the listing
    if (arguments.is_json)
      json.begin_object()
          .key("digest")
          .string(digest.str())
          .key("size")
          .integer(to_json_integer((*status)->size))
          .key("putTime")
          .integer((*status)->put_ns / kSecond)
          .end_object();
    else
      output.digest(digest) << " " << pad(human_size((*status)->size), 8) << " "
                            << utc_time((*status)->put_ns / kSecond) << "\n";
  }
  if (arguments.is_json) output << json.end_array().end_object().str() << "\n";
  return kDone;
}

int remove_blobs(const RemoveArguments& arguments) {
  const auto layout = open_to_write(arguments.layout);
  if (!layout) return report_opening(layout.error());
  // Finds all digests before the first removal, after which a short one could mean another blob.
  std::vector<Result<Digest>> digests;
  for (const std::string& text : arguments.names) {
    digests.push_back(of_operand(find_digest(*layout->engine, text)));
    if (!digests.back() && digests.back().error().code() != Errc::not_found)
      return report(Error(digests.back().error()).with(layout->path));
  }
  int code = kDone;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    auto removed = digests[i] ? layout->engine->delete_blob(*digests[i]) : Result<bool>(false);
    const int failed =
        report_removal(arguments, layout->path, "blob", arguments.names[i], std::move(removed));
    if (code == kDone) code = failed;
  }
  return code;
}

int print_path(const PathArguments& arguments, Output& output) {
  const auto layout = open_to_read(arguments.layout);
  if (!layout) return report(layout.error());
  const auto digest = of_operand(find_digest(*layout->reader, arguments.digest));
  if (!digest) return report(Error(digest.error()).with(layout->path));
  auto status = layout->reader->blob_status(*digest);
  if (!status) return report(std::move(status).error().with(layout->path));
  if (!*status) return report(Error(Errc::not_found, layout->path + ": " + digest->str() + ": no such blob"));
  auto path = layout->reader->blob_path(*digest);
  if (!path) return report(std::move(path).error().with(layout->path));
  output << *path << "\n";
  return kDone;
}

void add_blob_ls_command(Command blob, int& exit_code) {
  const auto arguments = std::make_shared<BlobListArguments>();
  const Command command = blob.add_subcommand("ls", "List the digests of all blobs");
  command.example("layoutfs blob ls -l ./img");
  command.example("layoutfs blob ls --json ./img.tar", "of an archive");
  arguments->layout.add_options(command);
  command.add_flag("-l,--long", arguments->is_long, "Print sizes and modification times (UTC)")
      .group(kOutputGroup);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return list_blobs(*arguments, output); });
  });
}

void add_blob_rm_command(Command blob, int& exit_code) {
  const auto arguments = std::make_shared<RemoveArguments>();
  const Command command =
      blob.add_subcommand("rm", "Remove blobs, even if they are in use; gc removes unused ones");
  command.example("layoutfs blob rm ./img sha256:5b0bcabd...");
  command.example("layoutfs blob rm --force ./img sha256:5b0bcabd...", "succeed also if it is missing");
  arguments->layout.add_options(command);
  command.add_option("DIGEST", arguments->names, "").required();
  command.add_flag("-f,--force", arguments->is_forced, "Ignore missing blobs");
  command.callback([arguments, &exit_code] { exit_code = remove_blobs(*arguments); });
}

void add_blob_path_command(Command blob, int& exit_code) {
  const auto arguments = std::make_shared<PathArguments>();
  const Command command = blob.add_subcommand("path", "Print the path of the file that holds a blob");
  command.example("tar tzf \"$(layoutfs blob path ./img sha256:5b0bcabd...)\"");
  command.example("layoutfs blob path ./img sha256:5b0bcabd...");
  arguments->layout.add_options(command, "A directory; blobs of an archive have no file");
  command.add_option("DIGEST", arguments->digest, "").required();
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return print_path(*arguments, output); });
  });
}

}  // namespace

void add_blob_command(Command program, int& exit_code) {
  const Command blob = program.add_subcommand("blob", "Read and write blobs by digest");
  add_blob_put_command(blob, exit_code);
  add_blob_get_command(blob, exit_code);
  add_blob_ls_command(blob, exit_code);
  add_blob_rm_command(blob, exit_code);
  add_blob_path_command(blob, exit_code);
}

}  // namespace layoutfs::tools
