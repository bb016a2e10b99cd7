// `layoutfs index verify`.
#include "core/check/index_verify.h"

#include <memory>
#include <string>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"
#include "tools/commands/index.h"

namespace layoutfs::tools {
namespace {

struct VerifyArguments {
  ImageArguments image;
  bool is_json = false;
  bool is_progress_hidden = false;
};

void print_verify_json(const VerifyReport& report, Output& output) {
  JsonWriter json;
  json.begin_object().key("version").integer(kIndexJsonVersion);
  json.key("indexes").integer(to_json_integer(report.indexes));
  json.key("trees").integer(to_json_integer(report.trees));
  json.key("filesystems").integer(to_json_integer(report.filesystems));
  json.key("missing").integer(to_json_integer(report.missing)).key("problems").begin_array();
  for (const IndexProblem& problem : report.problems)
    json.begin_object()
        .key("kind")
        .string(name_of(problem.kind))
        .key("digest")
        .string(problem.digest.str())
        .key("message")
        .string(problem.message)
        .end_object();
  output << json.end_array().end_object().str() << "\n";
}

std::string verify_summary(const VerifyReport& report) {
  return "the indexes of " + count_of(report.indexes, "layer") + " and " + count_of(report.trees, "image") +
         (report.filesystems > 0 ? ", " + count_of(report.filesystems, "EROFS filesystem") : "");
}

int verify(const VerifyArguments& arguments, Output& output) {
  const auto scope = open_scope(arguments.image);
  if (!scope) return report(scope.error());
  const int problems = report_problems(*scope);
  const IndexCache cache = open_cache(arguments.image.cache_dir);
  const auto verified = [&] {
    Progress progress("checking", !arguments.is_progress_hidden);
    return verify_indexes(*scope->layout.reader, cache, scope->images,
                          [&progress](const Descriptor& layer, std::uint64_t bytes_read) {
                            progress.update(layer.digest.str(), bytes_read, 2 * layer.size);
                          });
  }();
  if (!verified) return report(verified.error());
  const VerifyReport& result = *verified;

  if (arguments.is_json) {
    print_verify_json(result, output);
  } else {
    for (const IndexProblem& problem : result.problems)
      output << name_of(problem.kind) << " " << problem.digest.str() << ": " << printable(problem.message)
             << "\n";
  }
  output.flush();
  if (!result.problems.empty()) {
    print_error(scope->layout.path + ": " + count_of(result.problems.size(), "problem") + " in " +
                verify_summary(result));
    return kCorrupt;
  }
  if (!arguments.is_json)
    print_notice("verified " + verify_summary(result) + ": no problems" +
                 (result.missing > 0 ? "; not indexed: " + count_of(result.missing, "layer") : ""));
  return problems;
}

}  // namespace

void add_index_verify_command(Command index, int& exit_code) {
  const auto arguments = std::make_shared<VerifyArguments>();
  const Command command = index.add_subcommand("verify", "Verify cached indexes against their blobs");
  command.example("layoutfs index verify ./img");
  command.example("layoutfs index verify ./img:app", "of one image");
  arguments->image.add_operand_and_options(command);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return verify(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
