# Completion of cairn-doctor, and of `cairn doctor` and `cairn plan`, for bash.
_cairn_doctor()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=doctor
    [[ " ${COMP_WORDS[*]:0:COMP_CWORD} " == *" plan "* ]] && command=plan
    case $before in
    --facts | --save) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --root | --data)  COMPREPLY=($(compgen -d -- "$word")); return ;;
    --lang)           COMPREPLY=($(compgen -W "en zh" -- "$word")); return ;;
    --platform)       COMPREPLY=($(compgen -W "linux windows wsl2 jetson" -- "$word")); return ;;
    --python)         [[ $command == doctor ]] && COMPREPLY=($(compgen -f -- "$word")); return ;;
    esac
    if [[ $command == plan ]]; then
        COMPREPLY=($(compgen -W "--torch --gpu --driver --cuda --python --platform --matrix --all --facts
                                 --json --data --lang --help" -- "$word"))
    else
        COMPREPLY=($(compgen -W "plan --json --save --facts --root --python --explain --fix --yes --collect-env
                                 --data --data-check --lang --help" -- "$word"))
    fi
}
complete -F _cairn_doctor cairn-doctor
