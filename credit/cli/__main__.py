from credit.cli.main import main

main()
