# Completion of layoutfs for fish. What may follow is known to `layoutfs __complete`.

function __layoutfs_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l word (string unescape -- "$typed"; or echo -- "$typed") # an open quote is not understood
    set -l answer (command layoutfs __complete $words[2..] "$word" 2>/dev/null)
    set -l first (string split \t -- "$answer[1]")
    set -l rest (string replace -- "$first[2]" '' "$typed")
    switch "$first[1]"
        case files
            string join \n -- "$first[2]"(complete -C "'' $rest")
        case directories
            string join \n -- "$first[2]"(complete -C "'' $rest" | string match -r '.*/(?=\t|$)')
    end
    string join \n -- $answer[2..]
end

complete -c layoutfs -f -a '(__layoutfs_complete)'
