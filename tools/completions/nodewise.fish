# fish completion for nodewise. It asks the command itself, which knows its verbs, options and values.
# By hand: nodewise completions fish > ~/.config/fish/completions/nodewise.fish

function __nodewise_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l lines ($program complete $words "$word" 2>/dev/null)
    set -l head (string split ' ' -- $lines[1])
    # What is completed of --option=value is the value.
    set -l before (string match -r -- '^--[^=]*=' "$word")
    set -l value (string replace -r -- '^--[^=]*=' '' "$word")
    switch $head[1]
        case command
            test $head[2] -gt 0; and set -e words[1..$head[2]]
            complete -C (string join ' ' -- (string escape -- $words) "$word")
            return
        case files
            if test "$head[2]" = '*'
                set -l paths (__fish_complete_path "$value")
                printf '%s\n' "$before"$paths
            else
                set -l wanted (__fish_complete_suffix "$value" ".$head[2]" | string match -r -- "^.*(?:/|[.]$head[2])(?:\t.*)?\$")
                printf '%s\n' "$before"$wanted
            end
    end
    if test (count $lines) -gt 1
        printf '%s\n' "$before"$lines[2..-1]
    end
end

complete -c nodewise -f -k -a '(__nodewise_complete)'
